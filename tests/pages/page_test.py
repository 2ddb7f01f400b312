"""Tests of the page: whole, self-contained, equal for equal folders."""

import functools
import json
import pathlib
import shutil
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import page
from tests.pages import page_checks
from tests.pages import page_folders
from tests.reports import synthetic_analyses
from tests.reports import synthetic_runs
from tests.reports import synthetic_sweeps

ODD = "<script>alert('x')</script> & \"y\" </style> \ud800"


@functools.cache
def complete():
    """Returns the folder of a sweep with everything measured, and its page."""
    folder = pathlib.Path(tempfile.mkdtemp())
    page_folders.relax_sweep(folder)
    for seed, path in enumerate(sorted(folder.glob("*_seed*"))):
        page_folders.write_json(path / "versions.json", page_folders.VERSIONS)
        for kind in synthetic_analyses.KINDS:
            synthetic_analyses.write(path, kind, seed=seed)
    (folder / "flags.txt").write_text("--relax_epoch=5\n--baselines=fcn\n")
    return folder, page.write(folder)


class CompletePageTest(absltest.TestCase):
    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(complete()[0])
        complete.cache_clear()

    def test_page_is_sound_and_holds_every_picture(self):
        folder, (path, *pictures) = complete()
        self.assertEqual(path, folder / "report.html")
        found = page_checks.assert_sound(self, path)
        self.assertLen(found.all_of("img"), len(pictures))
        self.assertEqual(
            {picture.name for picture in pictures},
            {picture.name for picture in folder.glob("*.png")},
        )
        self.assertLen(pictures, 10)

    def test_page_tells_what_was_run(self):
        found = page_checks.read(complete()[1][0])
        words = found.words()
        for text in (
            "small_cnn on digits",
            "relax protocol, a sweep of 2 runs",
            "Finished: 8 of 8 networks of 2 runs are trained.",
            "momentum=0.9",
            "--relax_epoch=5\n--baselines=fcn\n",
            "2.21.0",
        ):
            self.assertIn(text, words)

    def test_contents_lead_to_every_section(self):
        found = page_checks.read(complete()[1][0])
        sections = [section["id"] for section in found.all_of("section")]
        links = [link["href"][1:] for link in found.all_of("a")]
        self.assertEqual(links, ["results", *sections])

    def test_page_does_not_say_where_it_lies(self):
        folder, (path, *_) = complete()
        self.assertNotIn(str(folder), path.read_text(encoding="utf-8"))


class PageTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(page_folders.quick_pictures())
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def written(self):
        return page_checks.assert_sound(self, page.write(str(self.folder))[0])

    def test_run_that_still_goes_on(self):
        page_folders.relax_run(self.folder, synthetic_runs.cnn(reached=3))
        found = self.written()
        self.assertIn(
            "status open", [a.get("class") for _, a in found.elements]
        )
        self.assertIn("CNN is at epoch 3 of 40", found.words())
        self.assertIn("No flags.txt lies in the folder.", found.words())
        self.assertIn("not recorded", found.words())

    def test_run_that_has_only_its_configuration(self):
        page_folders.write_json(
            self.folder / "config.json", page_folders.CONFIG
        )
        words = self.written().words()
        self.assertIn("No network has written anything down yet.", words)
        self.assertIn("small_cnn on digits", words)

    @parameterized.parameters("relax", "training")
    def test_equal_folders_give_equal_bytes_whatever_their_names(self, kind):
        contents = []
        for name in ("one", "other"):
            folder = self.folder / name
            if kind == "relax":
                page_folders.relax_run(folder, synthetic_runs.cnn(reached=2))
            else:
                short = synthetic_sweeps.history(
                    reached=2, planned=2, kernels=()
                )
                synthetic_sweeps.write_run(folder, short, dataset="digits")
            contents.append(page.write(folder)[0].read_bytes())
        self.assertEqual(contents[0], contents[1])

    def test_sweep_of_training_runs(self):
        synthetic_sweeps.rate_sweep(
            self.folder, (-3,), (0,), reached=2, planned=2, kernels=()
        )
        (self.folder / "flags.txt").write_text("--optimizer=layca\n")
        words = self.written().words()
        self.assertIn("training, a sweep of 1 runs", words)
        self.assertIn("python -m needle_tf.train --flagfile=flags.txt", words)

    def test_whatever_files_say_stays_text(self):
        entry, _ = synthetic_sweeps.trial({"a": 1})
        entry |= {"error": ODD, "label": ODD, "status": "failed"}
        synthetic_sweeps.write_sweep(
            self.folder, {ODD: [1, 2]}, [(entry, None)]
        )
        run = self.folder / entry["name"]
        page_folders.relax_run(run, dataset=ODD, kind="training", task=None)
        shutil.rmtree(run / "cnn")
        content = synthetic_sweeps.history(reached=2, planned=2, kernels=())
        synthetic_sweeps.write_run(run, content)
        page_folders.write_json(run / "versions.json", {ODD: ODD})
        (self.folder / "flags.txt").write_text(f"--x={ODD[:-1]}")
        found = self.written()
        self.assertIn(f"failed: {ODD[:-1]}", found.words())
        self.assertLen(found.all_of("style"), 1)

    def test_page_of_another_moment_replaces_the_former(self):
        page_folders.relax_run(self.folder, synthetic_runs.cnn(reached=3))
        first = page.write(self.folder)[0].read_bytes()
        synthetic_runs.write(self.folder, synthetic_runs.cnn(reached=9))
        self.assertNotEqual(page.write(self.folder)[0].read_bytes(), first)

    def test_broken_file_is_named_and_the_former_page_stays(self):
        page_folders.relax_run(self.folder, synthetic_runs.cnn(reached=3))
        former = page.write(self.folder)[0].read_bytes()
        path = synthetic_analyses.write(self.folder, "ablation")
        path.write_text(json.dumps({"kind": "ablation"}))
        with self.assertRaisesRegex(ValueError, "is no whole analysis"):
            page.write(self.folder)
        page_path = self.folder / page.NAME
        self.assertEqual(page_path.read_bytes(), former)


if __name__ == "__main__":
    absltest.main()
