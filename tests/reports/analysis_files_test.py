"""Tests of reading analyses: matched over seeds, told apart, checked."""

import json
import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import analysis_files
from tests.reports import analysis_results
from tests.reports import synthetic_analyses as synthetic


class AnalysisFilesCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def read(self):
        return analysis_files.read([("", self.folder)])


class ReadTest(AnalysisFilesCase):
    def test_equal_names_in_the_trials_of_a_label_are_one_analysis(self):
        folders = []
        for label, seed in (("a", 0), ("a", 1), ("b", 0), ("b", 1)):
            trial = self.folder / f"{label}{seed}"
            folders.append((label, trial))
            synthetic.write(trial, "ablation", seed=seed)
        synthetic.write(folders[0][1], "threshold", seed=0)
        found = analysis_files.read(folders)
        self.assertEqual(
            [(each.kind, each.label, each.seeds) for each in found],
            [
                ("ablation", "a", [0, 1]),
                ("ablation", "b", [0, 1]),
                ("threshold", "a", [0]),
            ],
        )
        self.assertEqual(
            [each["intact"]["accuracy"] for each in found[0].results],
            [
                analysis_results.ablation(seed)["intact"]["accuracy"]
                for seed in (0, 1)
            ],
        )

    def test_other_settings_are_another_analysis(self):
        synthetic.write(self.folder, "ablation", digits="00000000", images=100)
        synthetic.write(self.folder, "ablation", digits="11111111", images=200)
        self.assertLen(self.read(), 2)

    def test_networks_are_ordered_by_relax_epoch(self):
        for epoch in (20, 5, 100):
            synthetic.write(
                self.folder, "locality", first=f"efcn_relax{epoch}@40"
            )
        self.assertEqual(
            analysis_files.names(self.read()), ["eFCN@5", "eFCN@20", "eFCN@100"]
        )

    def test_arrays_lie_beside_the_file_of_a_seed(self):
        folders = [("", self.folder / str(seed)) for seed in (0, 1)]
        paths = [
            synthetic.write(folder, "off_local", seed=seed)
            for seed, (_, folder) in enumerate(folders)
        ]
        for seed, path in enumerate(paths):
            (found,) = analysis_files.read(folders)
            arrays = path.with_suffix(".npz")
            self.assertEqual(found.arrays(), (seed, arrays))
            arrays.unlink()
        self.assertIsNone(found.arrays())

    def test_folders_without_analyses(self):
        found = analysis_files.read(
            [("", self.folder), ("", self.folder / "x")]
        )
        self.assertEmpty(found)

    @parameterized.parameters(
        ("{", "cannot be read as JSON"),
        ({"kind": "magic"}, "'kind' must be one of interpolation, string"),
        ({"first": None}, "'first' must be text. Received: 'None'"),
        ({"second": 3}, "'second' must be text"),
        ({"settings": []}, "'settings' must be an object"),
        ({"result": None}, "'result' must be an object"),
    )
    def test_broken_file_is_named(self, change, message):
        path = synthetic.write(self.folder, "ablation")
        if isinstance(change, dict):
            change = json.dumps(json.loads(path.read_text()) | change)
        path.write_text(change)
        with self.assertRaisesRegex(
            ValueError, f"{path} is no whole analysis: .*{message}.*Delete it"
        ):
            self.read()


class NamesTest(AnalysisFilesCase):
    @parameterized.parameters(
        ("cnn@40", "CNN"),
        ("efcn_relax20@40", "eFCN@20"),
        ("elcn_relax5@30", "eLCN@5"),
        ("fcn@40", "FCN"),
        ("a/b/mine.keras", "mine"),
        ("whatever", "whatever"),
    )
    def test_name_of_a_network(self, network, name):
        self.assertEqual(analysis_files.name_of(network), name)

    def test_epochs_are_told_where_they_differ(self):
        for epoch in (30, 40):
            synthetic.write(
                self.folder, "ablation", first=f"efcn_relax20@{epoch}"
            )
        self.assertEqual(
            analysis_files.names(self.read()),
            ["efcn_relax20@30", "efcn_relax20@40"],
        )

    def test_settings_are_told_where_they_differ(self):
        for digits, images in (("0" * 8, 100), ("1" * 8, None)):
            synthetic.write(
                self.folder,
                "ablation",
                digits=digits,
                images=images,
                batch_size=500,
                seeds=[0, 1],
            )
        self.assertEqual(
            analysis_files.names(self.read()),
            ["eFCN@20, images=100", "eFCN@20, images=None"],
        )

    def test_ways_between_two_networks(self):
        for way in ("linear", "outputs"):
            synthetic.write(self.folder, "interpolation", way=way)
        for digits, stiffness in (("0" * 8, 0.1), ("1" * 8, 1.0)):
            synthetic.write(
                self.folder, "string", digits=digits, stiffness=stiffness
            )
        self.assertEqual(
            analysis_files.ways(self.read()),
            [
                "linear",
                "outputs",
                "string, stiffness=0.1",
                "string, stiffness=1.0",
            ],
        )

    def test_second_network_is_told_as_what_it_is(self):
        for kind, name in (
            ("string", "eFCN@20 to CNN"),
            ("off_local", "eFCN@20 minus CNN"),
            ("threshold", "eFCN@20"),
        ):
            synthetic.write(self.folder / kind, kind, second="cnn@40")
            found = analysis_files.read([("", self.folder / kind)])
            self.assertEqual(analysis_files.names(found), [name])

    def test_labels_are_told_where_there_are_several(self):
        folders = [(label, self.folder / label) for label in ("r=1", "r=2")]
        for _, folder in folders:
            synthetic.write(folder, "ablation")
        self.assertEqual(
            analysis_files.names(analysis_files.read(folders)),
            ["eFCN@20, r=1", "eFCN@20, r=2"],
        )

    def test_names_are_never_equal(self):
        for digits in ("0" * 8, "1" * 8):
            synthetic.write(self.folder, "ablation", digits=digits)
        self.assertEqual(
            analysis_files.names(self.read()), ["eFCN@20 (1)", "eFCN@20 (2)"]
        )


if __name__ == "__main__":
    absltest.main()
