"""What the tests of analyses share: a run, a spy on the library, a command."""

import json
import sys
from unittest import mock

import keras
import numpy as np

from needle_tf import compare
from needle_tf.data import loading
from needle_tf.protocol import checkpoints
from tests import commands
from tests import trained_runs

EFCN = "--first=efcn_relax1"
IMAGES = "--images=24"


def network(stage, epoch=2):
    """The network of a stage, loaded by itself."""
    return checkpoints.load(
        checkpoints.file_of(trained_runs.run() / stage, epoch)
    )


def images(part, seed=0):
    """The first images of the run, standardised by Keras."""
    data = loading.load("digits", train_size=60, test_size=40, seed=seed)
    layer = keras.layers.Normalization(
        mean=data.mean, variance=data.std.astype("float64") ** 2
    )
    pixels = getattr(data, f"{part}_images")[:24]
    labels = getattr(data, f"{part}_labels")[:24]
    return keras.ops.convert_to_numpy(layer(pixels)), labels


class Found:
    """A result that takes no time."""

    def __init__(self, result):
        self._result = result

    def to_json(self):
        return json.dumps(self._result)


class Spy:
    """Keeps what a function of the library was given and what it found."""

    def __init__(self, function, found=None):
        self._function = function
        self.name = function.__name__
        self.found = found

    def __call__(self, *networks, **settings):
        # Chains take their settings by place.
        self.networks = [n for n in networks if isinstance(n, keras.Model)]
        self.others = networks[len(self.networks) :]
        self.settings = settings
        if self.found is None:
            self.found = self._function(*networks, **settings)
        return self.found


class CompareCase(commands.CommandCase):
    command = commands.Command(compare)

    def setUp(self):
        super().setUp()
        self.run_dir = trained_runs.run()
        self.out_dir = self.folder / "out"

    def called(self, *arguments):
        """The outcome of a command that writes into a folder of its own."""
        return self.command.called(
            f"--out_dir={self.out_dir}", "--progress=none", *arguments
        )

    def measured(self, function, *arguments, found=None):
        """A spy on a function of the library, and what came into its file."""
        spy = Spy(function, found)
        module = sys.modules[function.__module__]
        with mock.patch.object(module, spy.name, spy):
            outcome = self.called(f"--run_dir={self.run_dir}", *arguments)
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        (file,) = self.out_dir.glob("*.json")
        content = json.loads(file.read_text())
        self.assertEqual((content["dataset"], content["seed"]), ("digits", 0))
        self.assertIn(str(file), outcome.out)
        self.assertIn(str(file.with_suffix(".png")), outcome.out)
        self.assertStartsWith(file.with_suffix(".png").read_bytes(), b"\x89PNG")
        return spy, content

    def assert_given(self, spy, networks, data, settings):
        """Asserts what the library was given, by stages, parts and values."""
        self.assertLen(spy.networks, len(networks))
        for own, stage in zip(spy.networks, networks, strict=True):
            for weight, other in zip(
                own.get_weights(), network(stage).get_weights(), strict=True
            ):
                np.testing.assert_array_equal(weight, other)
        given = {**spy.settings}
        self.assertTrue(callable(given.pop("progress")))
        for name, part in data.items():
            for own, other in zip(given.pop(name), images(part), strict=True):
                np.testing.assert_allclose(own, other, atol=1e-5)
        self.assertEqual(given, given | settings)

    def assert_found(self, spy, content):
        self.assertEqual(content["result"], json.loads(spy.found.to_json()))
