"""Tests of the files of analyses."""

import pathlib

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import off_local
from needle_tf.comparisons import modes as modes_lib
from needle_tf.comparisons import results as results_lib
from needle_tf.figures import off_local_figure
from needle_tf.protocol import stored_networks
from tests.analysis import relaxed_networks
from tests.reports import analysis_results


def network(name, kind="efcn"):
    return stored_networks.StoredNetwork(name, pathlib.Path(name), kind)


class ResultsCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)


class FilesTest(ResultsCase):
    def test_name_tells_networks_and_settings(self):
        pair = [network("efcn_relax20@40"), network("my nets/a b.keras", None)]
        file = results_lib.file_of(self.folder, "string", pair, {"a": 1})
        self.assertRegex(
            file.name, r"^string_efcn_relax20_40_a_b-[0-9a-f]{8}\.json$"
        )
        self.assertEqual(file.parent, self.folder)
        same = results_lib.file_of(self.folder, "string", pair, {"a": 1})
        other = results_lib.file_of(self.folder, "string", pair, {"a": 2})
        self.assertEqual(same, file)
        self.assertNotEqual(other, file)

    def test_result_comes_back_for_its_settings_only(self):
        file = self.folder / "analysis" / "a.json"
        self.assertIsNone(results_lib.read(file, {"a": 1}))
        content = {"settings": {"a": 1}, "result": {"b": None}}
        results_lib.write(file, content)
        self.assertEqual(results_lib.read(file, {"a": 1}), content)
        with self.assertRaisesRegex(ValueError, "a.json is no result.*of othe"):
            results_lib.read(file, {"a": 2})
        file.write_text('{"settings"')
        with self.assertRaisesRegex(ValueError, "a.json is no result.*JSONDec"):
            results_lib.read(file, {"a": 1})

    @parameterized.parameters(
        ("string", ["a", "b"], "String from a to b"),
        ("threshold", ["a", "b"], "a pushed off the CNN, level of b"),
        ("locality", ["a"], "Where the weights of a lie"),
    )
    def test_titles_name_the_networks(self, mode, names, title):
        self.assertIn(
            results_lib.joined(mode, names), ("a", "a to b", "a against b")
        )
        self.assertEqual(results_lib.title_of(mode, names), title)


class PicturesTest(ResultsCase):
    def test_picture_is_written_into_a_new_folder(self):
        file = self.folder / "new" / "a.png"
        groups = {"a": [analysis_results.curvature(k) for k in range(2)]}
        found = results_lib.draw("curvature", groups, "title", file)
        self.assertEqual(found, file)
        self.assertStartsWith(file.read_bytes(), b"\x89PNG")

    def test_no_mode_is_left_out(self):
        self.assertEqual(results_lib._TITLES.keys(), modes_lib.MODES.keys())

    def test_weights_lie_beside_the_result(self):
        model = relaxed_networks.unchanged()
        found = off_local.off_local(model, count=2)
        file = self.folder / "off.json"
        rows = {"a - b": found, "a": found}
        results_lib.write_off_local(file, rows, "title", None)
        self.assertCountEqual(
            [each.name for each in self.folder.iterdir()],
            ["off.npz", "off.png"],
        )
        read = off_local_figure.read(self.folder / "off.npz")
        np.testing.assert_array_equal(read.images, found.images)


if __name__ == "__main__":
    absltest.main()
