"""Tests of the run folder: whole files or none, one run, one process."""

import errno
import json
import os
import pathlib
import platform
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest

import needle_tf
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import training_config
from tests.protocol import light_process

CONFIG = config_lib.ProtocolConfig()
HOLDER = """
from needle_tf.protocol import config
from needle_tf.protocol import run_folder
with run_folder.opened(sys.argv[1], config.ProtocolConfig()):
    print("open", flush=True)
    sys.stdin.read()
"""


class RunFolderCase(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.create_tempdir().full_path)

    def contents(self, path=None):
        """Returns every file below a folder with its bytes."""
        return {
            str(file): file.read_bytes()
            for file in (path or self.root).rglob("*")
            if file.is_file()
        }


class OpenedTest(RunFolderCase):
    def test_new_folder_is_made_and_holds_the_configuration(self):
        with run_folder.opened(self.root / "a" / "b", CONFIG) as folder:
            self.assertEqual(folder.path, self.root / "a" / "b")
            content = json.loads((folder.path / "config.json").read_text())
        self.assertEqual(config_lib.ProtocolConfig.from_json(content), CONFIG)

    def test_same_configuration_goes_on(self):
        for _ in range(2):
            with run_folder.opened(self.root / "run", CONFIG):
                pass

    def test_other_configuration_is_refused_with_the_flags_that_differ(self):
        with run_folder.opened(self.root, CONFIG):
            pass
        before = self.contents()
        other = config_lib.ProtocolConfig(relax_epochs=[5, 10], seed=3)
        with self.assertRaisesRegex(
            ValueError,
            r"another configuration. Different: --seed \(there 0, now 3\); "
            r"--relax_epoch \(there \(20,\), now \(5, 10\)\).*flags.txt",
        ):
            with run_folder.opened(self.root, other):
                self.fail("opened")
        self.assertEqual(self.contents(), before)

    def test_folder_of_something_else_is_refused_and_left_alone(self):
        (self.root / "thesis.tex").write_text("precious")
        before = self.contents()
        with self.assertRaisesRegex(
            ValueError, "neither empty nor the folder of a run.*thesis.tex"
        ):
            with run_folder.opened(self.root, CONFIG):
                self.fail("opened")
        self.assertEqual(self.contents(), before)

    def test_file_in_its_place_is_refused(self):
        (self.root / "file").write_text("")
        with self.assertRaisesRegex(ValueError, "is a file. Name a folder"):
            with run_folder.opened(self.root / "file", CONFIG):
                self.fail("opened")

    def test_configuration_of_another_version_is_refused(self):
        (self.root / "config.json").write_text('{"colour": 1}')
        with self.assertRaisesRegex(
            ValueError, "no configuration of this version.*colour"
        ):
            run_folder.check(self.root, CONFIG)
        (self.root / "config.json").write_text("[1, 2]")
        with self.assertRaisesRegex(ValueError, "no configuration of this"):
            run_folder.check(self.root, CONFIG)

    def test_run_of_another_kind_is_refused(self):
        training = training_config.TrainingConfig(learning_rate=0.1)
        with run_folder.opened(self.root / "run", CONFIG):
            pass
        with self.assertRaisesRegex(
            ValueError, "a run of another kind: relax, and this one is training"
        ):
            run_folder.check(self.root / "run", training)
        with run_folder.opened(self.root / "other", training):
            pass
        with self.assertRaisesRegex(
            ValueError, "a run of another kind: training, and this one is relax"
        ):
            run_folder.check(self.root / "other", CONFIG)

    def test_event_files_may_lie_elsewhere(self):
        with run_folder.opened(self.root / "run", CONFIG) as folder:
            self.assertEqual(
                folder.tensorboard("cnn"), self.root / "run/tensorboard/cnn"
            )
        events = self.root / "events"
        with run_folder.opened(
            self.root / "run", CONFIG, lambda stage: events / stage
        ) as folder:
            self.assertEqual(folder.tensorboard("cnn"), events / "cnn")

    def test_versions_are_noted(self):
        with run_folder.opened(self.root / "run", CONFIG) as folder:
            folder.note_versions()
            found = run_folder.read_json(folder.path / "versions.json")
        self.assertEqual(found["python"], platform.python_version())
        self.assertEqual(found["needle_tf"], needle_tf.__version__)
        self.assertEqual(found["keras"], keras.__version__)
        self.assertEqual(found["numpy"], np.__version__)

    def test_damaged_configuration_is_named(self):
        (self.root / "config.json").write_text('{"epochs": 4')
        with self.assertRaisesRegex(
            ValueError, "config.json is damaged.*take a new --run_dir"
        ):
            run_folder.check(self.root, CONFIG)

    def test_leftovers_of_a_killed_process_are_removed(self):
        with run_folder.opened(self.root / "run", CONFIG) as folder:
            leftover = folder.stage("cnn") / ".writing_epoch_0001.keras"
            leftover.parent.mkdir()
            leftover.write_text("half")
        with run_folder.opened(self.root / "run", CONFIG):
            self.assertFalse(leftover.exists())

    def test_a_kill_before_the_configuration_leaves_a_folder_to_begin_in(self):
        (self.root / ".lock").write_text("")
        (self.root / ".writing_config.json").write_text("{")
        with run_folder.opened(self.root, CONFIG) as folder:
            self.assertTrue((folder.path / "config.json").exists())

    def test_two_processes_never_share_a_folder(self):
        with light_process.start(HOLDER, str(self.root)) as holder:
            self.assertEqual(holder.stdout.readline().strip(), "open")
            with self.assertRaisesRegex(
                ValueError, "in use by another process. Wait for it"
            ):
                with run_folder.opened(self.root, CONFIG):
                    self.fail("opened")
            holder.kill()
            holder.wait()
            # The lock went with the process, however it ended.
            with run_folder.opened(self.root, CONFIG):
                pass


class RecordTest(RunFolderCase):
    def test_other_inputs_are_refused_by_name(self):
        folder = run_folder.RunFolder(self.root)
        folder.record("inputs", {"data": "abc"})
        folder.record("inputs", {"data": "abc"})
        with self.assertRaisesRegex(
            ValueError,
            r"begun with other inputs: data \(then abc, now def\); model_file "
            r"\(then None, now x\). Give this run another --run_dir",
        ):
            folder.record("inputs", {"data": "def", "model_file": "x"})


class WriteTest(RunFolderCase):
    def test_file_is_whole_and_nothing_else_is_left(self):
        file = self.root / "new" / "a.json"
        run_folder.write_json(file, {"x": [1, None]})
        run_folder.write_json(file, {"x": [2]})
        self.assertEqual(run_folder.read_json(file), {"x": [2]})
        self.assertEqual([p.name for p in file.parent.iterdir()], ["a.json"])

    def test_file_is_on_the_disk_before_it_gets_its_name(self):
        calls = []
        replace, fsync = os.replace, os.fsync
        with (
            mock.patch.object(
                os,
                "replace",
                lambda *a: (calls.append("replace"), replace(*a)),
            ),
            mock.patch.object(
                os, "fsync", lambda d: (calls.append("fsync"), fsync(d))
            ),
        ):
            run_folder.write_text(self.root / "a.txt", "x")
        self.assertEqual(calls, ["fsync", "replace", "fsync"])

    def test_full_disk_leaves_the_old_file_and_no_rest(self):
        file = self.root / "a.txt"
        run_folder.write_text(file, "old")

        def fill(path):
            path.write_text("half of the n")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

        with self.assertRaisesRegex(OSError, "No space left on device"):
            run_folder.write(file, fill)
        self.assertEqual(self.contents(), {str(file): b"old"})

    def test_nan_is_refused_and_the_old_file_stays(self):
        file = self.root / "a.json"
        run_folder.write_json(file, 1)
        with self.assertRaisesRegex(ValueError, "JSON compliant"):
            run_folder.write_json(file, float("nan"))
        self.assertEqual(run_folder.read_json(file), 1)


if __name__ == "__main__":
    absltest.main()
