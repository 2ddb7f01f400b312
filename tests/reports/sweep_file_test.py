"""Tests of reading sweep.json: checked, and of the runs that are wanted."""

import json
import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import sweep_file

CONTENT = {
    "kind": "sweep",
    "axes": {"rate": [0.1, 0.3], "seed": [0]},
    "variants": ["slow"],
    "trials": [{"name": "a_seed0", "label": "a", "settings": {"rate": 0.1}}],
}


class SweepFileTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def write(self, **changes):
        content = {
            name: value
            for name, value in (CONTENT | changes).items()
            if value is not None
        }
        (self.folder / "sweep.json").write_text(json.dumps(content))

    @parameterized.parameters(
        (None, "training"), ("training",) * 2, ("relax",) * 2
    )
    def test_a_whole_file_is_read(self, runs, expected):
        self.assertFalse(sweep_file.is_there(self.folder))
        self.write(runs=runs)
        found = sweep_file.read(self.folder)
        self.assertTrue(sweep_file.is_there(self.folder))
        self.assertEqual(found.runs, expected)
        self.assertEqual(found.axes, {"rate": (0.1, 0.3), "seed": (0,)})
        self.assertEqual(found.variants, ("slow",))
        self.assertEqual(found.entries, tuple(CONTENT["trials"]))

    def test_other_runs_than_the_wanted_ones_are_refused(self):
        self.write(runs="relax")
        self.assertEqual(sweep_file.read(self.folder, "relax").runs, "relax")
        with self.assertRaisesRegex(
            ValueError,
            "sweep.json is a sweep of relax runs; one of training runs was "
            "expected. Give --run_dir",
        ):
            sweep_file.read(self.folder, "training")

    @parameterized.parameters(
        ({"axes": []}, "'axes' must be an object. Received: '\\[\\]'"),
        ({"axes": {"a": 3}}, "'a' must be a list of values. Received: '3'"),
        ({"axes": None}, "'axes' is missing"),
        ({"variants": 1}, "'variants' must be a list"),
        ({"trials": [3]}, "'trials' must be a list of objects"),
        ({"trials": [{"label": "x"}]}, "'name' is missing"),
        (
            {"trials": [{"name": "a", "label": "a", "settings": 1}]},
            "'settings' must be an object",
        ),
        ({"runs": "walk"}, "'runs' must be one of training, relax. Received"),
    )
    def test_what_is_not_whole_is_refused(self, changes, message):
        self.write(**changes)
        with self.assertRaisesRegex(
            ValueError, f"sweep.json is no whole sweep: {message}.*Restore"
        ):
            sweep_file.read(self.folder)

    def test_a_folder_without_the_file_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "holds no sweep .no sweep.json"
        ):
            sweep_file.read(self.folder)


if __name__ == "__main__":
    absltest.main()
