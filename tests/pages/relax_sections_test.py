"""Tests of the sections of relax runs: which there are, and in which order."""

import pathlib

from absl.testing import absltest

from needle_tf.pages import relax_sections
from needle_tf.pages import run_facts
from tests.figures import relax_rotations_figure_test
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_analyses
from tests.reports import synthetic_runs


class RelaxSectionsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.enter_context(page_folders.quick_pictures())

    def sections(self):
        found = relax_sections.sections(
            self.folder, run_facts.read(self.folder)
        )
        for section in found:
            page = page_checks.Page(section.as_html())
            self.assertEqual(page.problems, [])
        return {section.anchor: section for section in found}

    def test_finished_run_has_all_sections_in_order(self):
        page_folders.relax_run(self.folder)
        synthetic_analyses.write(self.folder, "ablation")
        sections = self.sections()
        self.assertEqual(
            list(sections),
            [
                "findings",
                "relax-epochs",
                "distances",
                "accuracy-distance",
                "curves",
                "paths",
                "ablation",
                "locality",
                "off-local",
                "curvature",
                "threshold",
                "layer-rotation",
                "networks",
            ],
        )
        self.assertEqual(
            [name for name, section in sections.items() if section.is_empty],
            [
                "paths",
                "locality",
                "off-local",
                "curvature",
                "threshold",
                "layer-rotation",
            ],
        )

    def test_run_that_has_just_begun(self):
        page_folders.relax_run(self.folder, synthetic_runs.cnn(reached=1))
        sections = self.sections()
        self.assertTrue(sections["relax-epochs"].is_empty)
        self.assertFalse(sections["curves"].is_empty)
        self.assertNotIn("<code>", sections["paths"].as_html())

    def test_every_network_of_every_run_has_a_row(self):
        page_folders.relax_sweep(self.folder, seeds=(0, 1, 2), begun=2)
        table = page_checks.Page(self.sections()["networks"].as_html())
        self.assertLen(table.all_of("tr"), 1 + 2 * 4)
        heads = [text for tag, text in table.texts if tag == "th"]
        self.assertIn("Seed", heads)
        # One label needs no name.
        self.assertNotIn("Setting", heads)

    def test_labels_are_named_where_there_are_several(self):
        page_folders.relax_sweep(self.folder, seeds=(0,), rates=(0.1, 1.0))
        for path in self.folder.glob("*_seed0"):
            synthetic_analyses.write(path, "ablation")
        sections = self.sections()
        self.assertIn("relaxed_learning_rate=1", sections["networks"].as_html())
        self.assertIn(
            "eFCN@20, relaxed_learning_rate=1", sections["ablation"].as_html()
        )

    def test_layer_rotation_is_drawn_where_it_was_measured(self):
        rotating = relax_rotations_figure_test.with_rotations(
            synthetic_runs.cnn()
        )
        page_folders.relax_run(self.folder, rotating)
        (path,) = self.sections()["layer-rotation"].pictures
        self.assertEqual(path.name, "report_layer_rotation.png")

    def test_layer_rotation_that_is_to_come_is_not_asked_for_again(self):
        page_folders.relax_run(
            self.folder, synthetic_runs.cnn(), layer_rotation=True
        )
        self.assertNotIn("<code>", self.sections()["layer-rotation"].as_html())


if __name__ == "__main__":
    absltest.main()
