"""Tests of the sizes of checkpoints, against those that are written."""

import dataclasses
import math
import pathlib
import shutil
from unittest import mock

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.embedding import convert
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import snapshots
from tests.protocol import tiny_runs


def compiled(momentum=0.0):
    """A CNN with all that changes the size of its dense twin."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 7, 2)),
            layers.ZeroPadding2D(((1, 0), (2, 1)), name="pad"),
            layers.Conv2D(4, 3, strides=2, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.SeparableConv2D(6, 2, padding="same", name="separable"),
            layers.Conv2D(4, 1, groups=2, use_bias=False, name="grouped"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=momentum), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def count(model):
    return sum(math.prod(v.shape) for v in model.variables)


class SizesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("efcn", "fcn"), ("elcn", "lcn"), ("fcn", "fcn"), ("lcn", "lcn")
    )
    def test_weights_are_those_of_the_network(self, kind, space):
        cnn = compiled()
        plans = [plan_lib.StagePlan(kind, kind, None, 0, 2, 0.1, (2,), 0)]
        for layers in (None, ["conv"], ["separable", "grouped"]):
            found = snapshots.sizes(cnn, plans, layers)
            network = convert.embed(cnn, space, layers=layers)
            weights = 4 * count(network)
            # And the counts of an optimizer without slots.
            self.assertBetween(found.of_kinds[kind], weights, 1.02 * weights)
            self.assertEqual(found.kept, found.of_kinds[kind])
            self.assertEqual(found.in_passing, 3 * found.of_kinds[kind])

    def test_slots_count(self):
        plans = plan_lib.stages(tiny_runs.config())
        plain, heavy = (
            snapshots.sizes(compiled(momentum), plans[:1], None)
            for momentum in (0.0, 0.9)
        )
        ratio = heavy.of_kinds["cnn"] / plain.of_kinds["cnn"]
        self.assertBetween(ratio, 1.9, 2.0)

    def test_what_is_kept_follows_the_choice(self):
        cnn = compiled()
        kept = {}
        for choice in ("all", "last", "none"):
            config = tiny_runs.config(snapshots=choice)
            kept[choice] = snapshots.of_run(config, cnn)
        efcn = kept["last"].of_kinds["efcn"]
        elcn = kept["last"].of_kinds["elcn"]
        self.assertEqual(kept["last"].kept - kept["none"].kept, efcn + elcn)
        # Relaxed at epoch 2 of 4: before its epochs 2 and 3, and the last.
        self.assertEqual(
            kept["all"].kept - kept["last"].kept, 2 * efcn + 2 * elcn
        )


class RoomTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path)
        self.folder = run_folder.RunFolder(self.path)
        self.config = tiny_runs.config(snapshots="all")
        self.sizes = snapshots.Sizes(
            {"cnn": 1000, "efcn": 5 * 10**6}, 10**7, 99
        )

    def test_sizes_are_said(self):
        line = snapshots.require_room(self.sizes, self.config, self.folder)
        self.assertRegex(
            line,
            r"^snapshots \(--snapshots=all\): 10 MB will be kept, 99 B more in "
            r"passing; one takes: cnn 1 kB, efcn 5 MB; free: .* GB$",
        )

    def test_disk_that_is_too_small_is_refused(self):
        usage = shutil.disk_usage(self.path)._replace(free=10**7)
        with mock.patch("shutil.disk_usage", return_value=usage):
            with self.assertRaisesRegex(
                ValueError, "too small: .*; free: 10 MB. Free.*--snapshots=none"
            ):
                snapshots.require_room(self.sizes, self.config, self.folder)

    def test_stages_that_have_begun_count_no_more(self):
        cnn = compiled()
        (self.path / "cnn").mkdir()
        before = snapshots.of_run(self.config, cnn)
        now = snapshots.of_run(self.config, cnn, self.folder)
        self.assertIn("cnn", before.of_kinds)
        self.assertNotIn("cnn", now.of_kinds)
        self.assertLess(now.kept, before.kept)
        done = dataclasses.replace(self.config)
        for plan in plan_lib.stages(done):
            (self.path / plan.name).mkdir(exist_ok=True)
        self.assertEqual(
            snapshots.of_run(done, cnn, self.folder), snapshots.Sizes({}, 0, 0)
        )


if __name__ == "__main__":
    absltest.main()
