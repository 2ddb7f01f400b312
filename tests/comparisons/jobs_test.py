"""Tests of how analyses are made; what they find is in compare_test."""

import contextlib
import io
import pathlib

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.comparisons import jobs as jobs_lib
from needle_tf.comparisons import modes as modes_lib
from needle_tf.protocol import stored_networks
from tests import trained_runs


def asked(mode="locality", names=("efcn_relax1",), **changes):
    fields = {
        "mode": mode,
        "names": names,
        "settings": (modes_lib.checked(mode, {}),),
        "run_dir": trained_runs.run(),
        "out_dir": None,
        "data": None,
        "data_dir": None,
        "download": False,
        "progress": "line",
    }
    return jobs_lib.Asked(**(fields | changes))


class JobsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.lines = []

    def place(self, name=""):
        run = stored_networks.read_run(trained_runs.run())
        return jobs_lib.Place(name, run, self.folder / "out", None)

    def jobs(self, **changes):
        return jobs_lib.Jobs(asked(**changes), False, self.lines.append)

    def test_result_is_kept_and_found_again(self):
        jobs = self.jobs()
        (made,) = jobs.make(self.place("[1/2] a: "))
        self.assertEqual(self.lines, ["[1/2] a: locality efcn_relax1@2"])
        (again,) = jobs.make(self.place())
        self.assertEqual(again, made)
        self.assertEqual(
            self.lines[1:], [f"locality: done before, {made.file}"]
        )
        self.assertEqual(made.names, ("efcn_relax1@2",))

    def test_data_are_loaded_once_for_equal_runs(self):
        jobs = self.jobs(mode="ablation")
        first = jobs._load_data(self.place())
        self.assertIs(jobs._load_data(self.place()), first)
        self.assertIsNone(self.jobs()._load_data(self.place()))

    def test_nothing_is_written_for_networks_that_do_not_fit(self):
        file = self.folder / "other.keras"
        keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()]).save(
            file
        )
        jobs = self.jobs(
            mode="interpolation",
            names=("cnn", str(file)),
            settings=(
                modes_lib.checked("interpolation", {}) | {"path": "linear"},
            ),
        )
        with self.assertRaisesRegex(
            ValueError, r"other.keras takes \[\(4, 4, 1\)\] and gives \[\(16,\)"
        ):
            jobs.make(self.place())
        self.assertFalse((self.folder / "out").exists())


class ProgressTest(parameterized.TestCase):
    def told(self, choice, total):
        lines, out = [], io.StringIO()
        progress = jobs_lib._Progress("head", choice, lines.append)
        with contextlib.redirect_stdout(out):
            for done in range(1, total + 1):
                progress.show(done, total)
            progress.end()
        return lines, out.getvalue()

    def test_lines_are_few(self):
        lines, out = self.told("line", 100)
        self.assertLen(lines, 10)
        self.assertEqual(lines[-1], "head  100/100")
        self.assertEqual(out, "")
        self.assertLen(self.told("line", 3)[0], 3)

    def test_bar_stays_in_its_line(self):
        lines, out = self.told("bar", 2)
        self.assertEmpty(lines)
        self.assertEqual(out, "\rhead  1/2\rhead  2/2\n")

    def test_nothing_is_told_if_not_wanted(self):
        self.assertEqual(self.told("none", 5), ([], ""))


if __name__ == "__main__":
    absltest.main()
