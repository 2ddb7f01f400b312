"""Tests of the facts: read from folders, whatever they hold so far."""

import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import run_facts
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import plan
from tests.pages import page_folders
from tests.reports import synthetic_runs
from tests.reports import synthetic_sweeps


class FactsCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)


class ReadTest(FactsCase):
    def test_relax_run(self):
        page_folders.relax_run(self.folder, seed=3)
        (self.folder / "flags.txt").write_text("--seed=3\n")
        facts = run_facts.read(str(self.folder))
        self.assertEqual((facts.kind, facts.is_sweep), ("relax", False))
        self.assertEqual(facts.flags, "--seed=3\n")
        (run,) = facts.runs
        self.assertEqual(
            [stage.stage for stage in run.stages],
            ["cnn", "efcn_relax5", "efcn_relax20", "fcn"],
        )
        self.assertEqual(facts.values("seed"), [3])

    def test_training_run(self):
        synthetic_sweeps.write_run(self.folder, dataset="digits", seed=1)
        facts = run_facts.read(self.folder)
        self.assertEqual((facts.kind, facts.is_sweep), ("training", False))
        self.assertEqual(facts.runs[0].planned(), ["train"])

    def test_sweep_of_training_runs(self):
        synthetic_sweeps.rate_sweep(self.folder, (-3, -2), (0,), reached=3)
        facts = run_facts.read(self.folder)
        self.assertEqual((facts.kind, facts.is_sweep), ("training", True))
        self.assertLen(facts.runs, 2)

    def test_sweep_of_relax_runs_of_which_one_has_begun(self):
        page_folders.relax_sweep(self.folder, seeds=(0, 1, 2), begun=1)
        facts = run_facts.read(self.folder)
        self.assertEqual((facts.kind, facts.is_sweep), ("relax", True))
        self.assertEqual([len(run.stages) for run in facts.runs], [4, 0, 0])
        # What is swept is known of those that have not begun.
        self.assertEqual(facts.values("seed"), [0, 1, 2])

    @parameterized.parameters(
        {},
        {"space": "lcn", "baselines": ["lcn"]},
        {"space": "band", "radius": 1, "baselines": ["elcn", "fcn"]},
        {"relax_epochs": [0, 7, 20], "baselines": []},
    )
    def test_planned_networks_are_those_of_the_protocol(self, **settings):
        config = config_lib.ProtocolConfig(**settings)
        page_folders.write_json(self.folder / "config.json", config.to_json())
        (run,) = run_facts.read(self.folder).runs
        self.assertCountEqual(
            run.planned(), [each.name for each in plan.stages(config)]
        )

    def test_run_that_has_only_its_configuration(self):
        page_folders.write_json(
            self.folder / "config.json", {"dataset": "digits"}
        )
        facts = run_facts.read(self.folder)
        self.assertEqual(facts.kind, "relax")
        self.assertEmpty(facts.runs[0].stages)
        self.assertIsNone(facts.flags)


class PlannedTest(FactsCase):
    @parameterized.parameters(
        (
            {},
            ["cnn", "efcn_relax5", "efcn_relax20", "fcn"],
        ),
        (
            {"space": "band", "relax_epochs": [3], "baselines": []},
            ["cnn", "band_relax3"],
        ),
        (
            {"relax_epochs": [3], "baselines": ["elcn", "lcn"]},
            ["cnn", "efcn_relax3", "elcn_relax3", "lcn"],
        ),
    )
    def test_networks_of_a_configuration(self, changes, names):
        page_folders.relax_run(self.folder, **changes)
        (run,) = run_facts.read(self.folder).runs
        self.assertEqual(run.planned(), names)


class TextTest(FactsCase):
    def facts(self, *configs):
        runs = [
            run_facts.Run(str(k), self.folder, config, ())
            for k, config in enumerate(configs)
        ]
        return run_facts.Facts("relax", True, {}, runs, None, {})

    @parameterized.parameters(
        ([{"a": 0.1}, {"a": 0.1}], "0.1"),
        ([{"a": 0.001}, {"a": 0.1}], "0.001, 0.1"),
        ([{"a": [5, 20]}], "5, 20"),
        ([{"a": [5, 20]}, {"a": [40]}], "5, 20; 40"),
        ([{"a": {"momentum": 0.9}}], "momentum=0.9"),
        ([{"a": None}, {}], ""),
        ([{"a": []}], ""),
        ([{"a": "sgd"}, {"a": "adam"}], "sgd, adam"),
    )
    def test_values_of_all_runs_become_text(self, configs, text):
        self.assertEqual(self.facts(*configs).text("a"), text)


class VersionsTest(FactsCase):
    def test_run_that_noted_none(self):
        page_folders.relax_run(self.folder)
        versions = run_facts.read(self.folder).versions
        self.assertEqual(
            versions, dict.fromkeys(run_facts.LIBRARIES, "not recorded")
        )

    def test_versions_of_trials_that_differ_are_all_told(self):
        page_folders.relax_sweep(self.folder)
        for number, path in enumerate(sorted(self.folder.glob("*_seed*"))):
            page_folders.write_json(
                path / "versions.json",
                page_folders.VERSIONS | {"keras": f"3.{number}", "more": "1"},
            )
        versions = run_facts.read(self.folder).versions
        self.assertEqual(versions["keras"], "3.0, 3.1")
        self.assertEqual(versions["tensorflow"], "2.21.0")
        self.assertEqual(versions["more"], "1")
        self.assertEqual(list(versions)[:5], list(run_facts.LIBRARIES))

    def test_damaged_file_is_named(self):
        page_folders.relax_run(self.folder)
        (self.folder / "versions.json").write_text("{")
        with self.assertRaisesRegex(ValueError, "versions.json holds no vers"):
            run_facts.read(self.folder)


class RefusedTest(FactsCase):
    def test_folder_that_is_not_there(self):
        with self.assertRaisesRegex(ValueError, "there is no folder '.*/no'"):
            run_facts.read(self.folder / "no")

    def test_folder_of_something_else(self):
        with self.assertRaisesRegex(
            ValueError, "holds neither a run .* nor a sweep .*--run_dir"
        ):
            run_facts.read(self.folder)

    def test_folder_of_one_network(self):
        synthetic_runs.write(self.folder, synthetic_runs.cnn())
        with self.assertRaisesRegex(
            ValueError, f"is the folder of one network.*Name '{self.folder}'"
        ):
            run_facts.read(self.folder / "cnn")

    def test_broken_files_are_named(self):
        page_folders.relax_sweep(self.folder, seeds=(0,))
        (trial,) = self.folder.glob("*_seed0")
        for path in (
            trial / "config.json",
            trial / "cnn/history.json",
            self.folder / "sweep.json",
        ):
            path.write_text("{")
            with self.assertRaisesRegex(ValueError, f"{path} is no whole"):
                run_facts.read(self.folder)
            path.unlink()


if __name__ == "__main__":
    absltest.main()
