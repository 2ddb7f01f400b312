"""Tests of the sections of analyses: one per topic, drawn or asked for."""

import dataclasses
import pathlib
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import analysis_sections
from needle_tf.reports import analysis_files
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_analyses as synthetic

NETWORKS = {
    "first": "efcn_relax20",
    "second": "cnn",
    "level": " --second=fcn",
}


class AnalysisSectionsCase(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.enter_context(page_folders.quick_pictures())

    def sections(self, folders=None, networks=NETWORKS):
        found = analysis_files.read(folders or [("", self.folder)])
        sections = analysis_sections.sections(found, self.folder, networks)
        return {section.anchor: section for section in sections}


class MissingTest(AnalysisSectionsCase):
    def test_every_topic_says_how_to_measure_it(self):
        sections = self.sections()
        self.assertEqual(
            list(sections),
            [
                "paths",
                "ablation",
                "locality",
                "off-local",
                "curvature",
                "threshold",
            ],
        )
        start = "python -m needle_tf.compare --run_dir=FOLDER --mode="
        commands = {
            "paths": "interpolation --first=cnn --second=efcn_relax20",
            "locality": "locality --first=efcn_relax20",
            "threshold": "threshold --first=efcn_relax20 --second=fcn",
        }
        for anchor, section in sections.items():
            self.assertTrue(section.is_empty)
            page = page_checks.Page(section.as_html())
            (command,) = [text for tag, text in page.texts if tag == "code"]
            self.assertStartsWith(command, start)
            if anchor in commands:
                self.assertEqual(command, start + commands[anchor])

    def test_without_networks_there_is_nothing_to_type(self):
        for section in self.sections(networks={}).values():
            self.assertNotIn("<code>", section.as_html())

    def test_every_kind_of_analysis_has_its_topic(self):
        kinds = [k for topic in analysis_sections.TOPICS for k in topic.kinds]
        self.assertCountEqual(kinds, analysis_files.KINDS)


class DrawnTest(AnalysisSectionsCase):
    @parameterized.parameters(*synthetic.KINDS)
    def test_picture_has_words_and_numbers(self, kind):
        for seed in (0, 1):
            synthetic.write(self.folder / str(seed), kind, seed=seed)
        folders = [("a", self.folder / str(seed)) for seed in (0, 1)]
        sections = self.sections(folders)
        (drawn,) = [s for s in sections.values() if not s.is_empty]
        self.assertLen(drawn.pictures, 1)
        page = page_checks.Page(drawn.as_html())
        self.assertEqual(page.problems, [])
        (image,) = page.all_of("img")
        self.assertIn("eFCN@20", image["alt"])
        self.assertLen(page.all_of("figcaption"), 1)
        (table,) = [text for tag, text in page.texts if tag == "code"]
        if kind != "locality":
            self.assertIn("±", table)

    def test_ways_between_two_networks_share_a_picture(self):
        for way in ("linear", "curvilinear"):
            synthetic.write(self.folder, "interpolation", way=way)
        synthetic.write(self.folder, "string")
        synthetic.write(self.folder, "band", first="efcn_relax5@40")
        paths = self.sections()["paths"]
        self.assertEqual(
            [path.name for path in paths.pictures],
            ["report_paths_1.png", "report_paths_2.png"],
        )
        images = page_checks.Page(paths.as_html()).all_of("img")
        self.assertEqual(
            [image["alt"] for image in images],
            [
                "eFCN@20 to CNN: linear, curvilinear, string.",
                "eFCN@5 to CNN: band.",
            ],
        )

    def test_many_networks_take_several_pictures(self):
        for epoch in range(14):
            synthetic.write(
                self.folder, "locality", first=f"efcn_relax{epoch}@40"
            )
        locality = self.sections()["locality"]
        self.assertLen(locality.pictures, 3)
        html = locality.as_html()
        # How to read it is said once.
        self.assertEqual(html.count("Share of each layer"), 1)

    def test_pictures_beyond_a_number_are_told_of(self):
        folders = [(f"r={k}", self.folder / str(k)) for k in range(7)]
        for _, folder in folders:
            synthetic.write(folder, "string")
        paths = self.sections(folders)["paths"]
        self.assertLen(paths.pictures, 6)
        self.assertIn("1 more pictures are not shown", paths.as_html())

    def test_title_tells_what_is_drawn_and_where_it_was_measured(self):
        synthetic.write(self.folder, "ablation")
        found = analysis_files.read([("", self.folder)])
        drawn = []
        topic = dataclasses.replace(
            analysis_sections.TOPICS[1],
            build=lambda groups, title: drawn.append((list(groups), title)),
        )
        with mock.patch.object(analysis_sections, "TOPICS", (topic,)):
            analysis_sections.sections(found, self.folder, {}, "net on data")
        title = "What the parts of the weights do: net on data"
        self.assertEqual(drawn, [(["eFCN@20"], title)])

    def test_units_that_differ_are_drawn_apart(self):
        for epoch in (5, 20, 30):
            synthetic.write(
                self.folder, "off_local", first=f"efcn_relax{epoch}@40"
            )
        self.assertLen(self.sections()["off-local"].pictures, 1)
        path = synthetic.write(
            self.folder, "off_local", first="efcn_relax40@40", units=3
        )
        path.with_suffix(".npz").write_bytes(b"broken")
        with self.assertRaisesRegex(ValueError, "holds no off-local pictures"):
            self.sections()

    def test_off_local_without_its_arrays_counts_as_not_measured(self):
        path = synthetic.write(self.folder, "off_local")
        path.with_suffix(".npz").unlink()
        self.assertTrue(self.sections()["off-local"].is_empty)


if __name__ == "__main__":
    absltest.main()
