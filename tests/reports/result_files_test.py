"""Tests of the files of results: equal rows, a column for each setting."""

import csv
import io
import json
import pathlib

from absl.testing import absltest

from needle_tf.reports import result_files

FIELDS = ["name", "settings", "seed", "loss"]
RECORDS = [
    {"name": "a", "settings": {"rate": 0.1}, "seed": 0, "loss": None},
    {"name": "b, c", "settings": {"seed": 7, "rate": 1}, "seed": 1, "loss": 2},
]


class ResultFilesTest(absltest.TestCase):
    def test_settings_are_columns_in_their_place(self):
        text = result_files.as_csv(RECORDS, FIELDS)
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(
            list(rows[0]), ["name", "rate", "setting_seed", "seed", "loss"]
        )
        self.assertEqual(list(rows[0].values()), ["a", "0.1", "", "0", ""])
        self.assertEqual(list(rows[1].values()), ["b, c", "1", "7", "1", "2"])

    def test_rows_without_settings_are_written_too(self):
        text = result_files.as_csv([{"a": 1, "b": None}], ["b", "a"])
        self.assertEqual(text, "b,a\n,1\n")

    def test_both_files_are_written(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        result_files.write(folder, {"rows": RECORDS}, RECORDS, FIELDS)
        self.assertEqual(
            json.loads((folder / "results.json").read_text()),
            {"rows": RECORDS},
        )
        self.assertEqual(
            (folder / "results.csv").read_text(),
            result_files.as_csv(RECORDS, FIELDS),
        )

    def test_a_number_that_json_does_not_know_is_refused(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        with self.assertRaisesRegex(ValueError, "Out of range float"):
            result_files.write(folder, [float("nan")], [], [])
        self.assertEmpty(list(folder.iterdir()))


if __name__ == "__main__":
    absltest.main()
