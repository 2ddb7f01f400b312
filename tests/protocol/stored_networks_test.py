"""Tests of how trained networks are found where runs keep them."""

import dataclasses
import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import checkpoints
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import stored_networks
from tests.protocol import checkpoints_test
from tests.protocol import tiny_runs


class StoredCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.path = self.folder / "run"

    def begin(self, **changes):
        """Writes the configuration of a run without any stage."""
        config = tiny_runs.config(**changes)
        run_folder.write_json(self.path / "config.json", config.to_json())
        return stored_networks.read_run(self.path)

    def add_stage(self, run, name, epochs, reached=None, **changes):
        """Puts empty checkpoints and a history into the folder of a stage."""
        plan = run.plans()[name]
        history = history_lib.History.begun(plan, 10)
        reached = max(epochs, default=0) if reached is None else reached
        history.epochs = [{"epoch": e} for e in range(reached + 1)]
        dataclasses.replace(history, **changes).write(self.path / name)
        for epoch in epochs:
            file = checkpoints.file_of(self.path / name, epoch)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"")


class FindTest(StoredCase):
    def test_stage_is_found_at_its_last_epoch_or_at_the_one_named(self):
        run = self.begin()
        self.add_stage(run, "cnn", [2, 4], finished=True)
        found = run.find("cnn")
        self.assertEqual((found.name, found.kind), ("cnn@4", "cnn"))
        self.assertEqual(
            found.file, self.path / "cnn/checkpoints/epoch_0004.keras"
        )
        self.assertEqual(found.short_name, "cnn_4")
        self.assertEqual(run.find("cnn@2").name, "cnn@2")

    def test_stage_that_was_stopped_early_is_found_where_it_stopped(self):
        run = self.begin()
        self.add_stage(
            run,
            "cnn",
            [3],
            finished=True,
            stopped={"epoch": 3, "reason": "enough"},
        )
        self.assertEqual(run.find("cnn").name, "cnn@3")

    @parameterized.named_parameters(
        ("unknown", "efcn_relax9", "has no stage 'efcn_relax9'. Its stages: "),
        ("unknown_lists", "x", r"cnn \(epochs 2, 4\); efcn_relax2 \(no check"),
        ("no_epoch", "cnn@last", "STAGE or STAGE@EPOCH.*Received: 'cnn@last'"),
        ("epoch", "cnn@3", "no checkpoint of cnn at epoch 3. It keeps.*2, 4"),
        ("epoch_says", "cnn@3", "as cnn@4; --snapshots=all keeps more"),
        ("too_late", "cnn@5", "no checkpoint of cnn at epoch 5"),
    )
    def test_what_is_not_there_is_refused(self, name, message):
        run = self.begin()
        self.add_stage(run, "cnn", [2, 4], finished=True)
        with self.assertRaisesRegex(ValueError, message) as caught:
            run.find(name)
        self.assertNotIsInstance(
            caught.exception, stored_networks.NotTrainedYetError
        )

    def test_unknown_stage_has_an_error_of_its_own(self):
        with self.assertRaises(stored_networks.NoSuchStageError):
            self.begin().find("lcn")

    @parameterized.named_parameters(
        ("not_begun", "efcn_relax2", "has not trained efcn_relax2 yet"),
        ("going_on", "cnn", r"still trains cnn \(epoch 2 of 4\).*cnn@EPOCH"),
        ("later", "cnn@3", "not trained cnn up to epoch 3 yet.*points: 1, 2."),
    )
    def test_what_is_not_trained_yet_says_so(self, name, message):
        run = self.begin()
        self.add_stage(run, "cnn", [1, 2])
        with self.assertRaisesRegex(
            stored_networks.NotTrainedYetError, message
        ):
            run.find(name)

    def test_checkpoint_of_a_stage_that_goes_on_can_be_named(self):
        run = self.begin()
        self.add_stage(run, "cnn", [1, 2])
        self.assertEqual(run.find("cnn@1").name, "cnn@1")

    def test_stage_without_checkpoints_names_the_flag(self):
        run = self.begin()
        self.add_stage(run, "elcn_relax2", [], 4, finished=True)
        with self.assertRaisesRegex(
            ValueError, "keeps no checkpoint of elcn_relax2.*--snapshots=last"
        ):
            run.find("elcn_relax2")

    def test_diverged_stage_must_be_given_an_epoch(self):
        run = self.begin()
        self.add_stage(run, "cnn", [2], diverged={"epoch": 3, "step": 17})
        with self.assertRaisesRegex(
            ValueError, "cnn of .* diverged in epoch 3. .*cnn@EPOCH.* of 2"
        ):
            run.find("cnn")
        self.assertEqual(run.find("cnn@2").name, "cnn@2")


class ReadTest(StoredCase):
    def test_configuration_comes_back_with_its_stages(self):
        run = self.begin()
        self.assertEqual(run.config, tiny_runs.config())
        self.assertEqual(
            list(run.plans()), ["cnn", "efcn_relax2", "elcn_relax2"]
        )

    def test_training_run_has_its_one_stage(self):
        config = tiny_runs.training()
        content = {"kind": "training", **config.to_json()}
        run_folder.write_json(self.path / "config.json", content)
        run = stored_networks.read_run(self.path)
        self.assertEqual(run.config, config)
        self.assertEqual(list(run.plans()), [plan_lib.TRAINING])
        data = run.load_data()
        # Those that were held out for validation are not trained on.
        self.assertLen(data.train_images, 96)

    def test_folders_of_no_run_are_refused(self):
        with self.assertRaisesRegex(
            stored_networks.NotTrainedYetError, "there is no folder .*run yet"
        ):
            stored_networks.read_run(self.path)
        self.path.mkdir()
        with self.assertRaisesRegex(
            ValueError, "is no folder of a run or of a sweep: it has neither"
        ):
            stored_networks.read_run(self.path)
        for content in ('{"kind": "odd"}', '{"epoks": 3}', "[]"):
            (self.path / "config.json").write_text(content)
            with self.assertRaisesRegex(
                ValueError, "config.json is no configuration of this version"
            ):
                stored_networks.read_run(self.path)

    def test_data_are_those_of_the_run(self):
        run = self.begin()
        data = run.load_data()
        self.assertEqual(data.train_images.shape, (120, 8, 8, 1))
        inputs = {"data": data.fingerprint()}
        run_folder.write_json(self.path / "inputs.json", inputs)
        self.assertEqual(run.load_data().fingerprint(), inputs["data"])
        run_folder.write_json(self.path / "inputs.json", {"data": "0123"})
        with self.assertRaisesRegex(
            ValueError, "images of digits are others than those that .*run was"
        ):
            run.load_data()

    def test_scalar_statistics_are_those_of_the_run(self):
        run = self.begin(dataset="cluttered_digits", statistics="scalar")
        self.assertIsNotNone(run.load_data().statistics)


class LoadTest(StoredCase):
    def test_network_of_a_file_comes_back_with_its_loss_alone(self):
        file = self.folder / "my net.keras"
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, name="dense")]
        )
        model.compile(keras.optimizers.Adam(), "mse")
        model.optimizer.build(model.trainable_variables)
        model.save(file)
        found = stored_networks.find_file(str(file))
        self.assertEqual((found.name, found.kind), (str(file), None))
        self.assertEqual(found.short_name, "my_net")
        loaded = stored_networks.load(found)
        self.assertEqual(loaded.loss, "mse")
        self.assertFalse(loaded.optimizer.built)
        for own, other in zip(
            loaded.get_weights(), model.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(own, other)

    def test_missing_and_damaged_files_are_named(self):
        with self.assertRaisesRegex(ValueError, "there is no file no.keras"):
            stored_networks.find_file("no.keras")
        file = self.folder / "net.keras"
        tiny_runs.write_model(file)
        checkpoints_test.truncate(file)
        with self.assertRaisesRegex(ValueError, "net.keras is corrupt"):
            stored_networks.load(stored_networks.find_file(str(file)))

    def test_names_say_what_is_a_file(self):
        self.assertTrue(stored_networks.is_file("a/b.keras"))
        self.assertFalse(stored_networks.is_file("cnn@20"))


if __name__ == "__main__":
    absltest.main()
