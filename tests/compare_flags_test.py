"""Tests of what the flags of analyses ask for."""

import pathlib

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from needle_tf import compare_flags
from needle_tf.comparisons import modes as modes_lib

RUN = ("--run_dir=runs/a", "--first=efcn_relax1")


def asked(*arguments):
    with flagsaver.flagsaver():
        flags.FLAGS(["compare", *arguments])
        return compare_flags.asked()


class AskedTest(parameterized.TestCase):
    def test_defaults_are_filled_in(self):
        found = asked("--mode=ablation", *RUN)
        self.assertEqual(found.names, ("efcn_relax1",))
        self.assertEqual(found.run_dir, pathlib.Path("runs/a"))
        self.assertIsNone(found.data)
        self.assertEqual(found.settings, (modes_lib.checked("ablation", {}),))

    def test_every_kind_of_path_is_an_analysis(self):
        found = asked(
            "--mode=interpolation",
            *RUN,
            "--second=cnn@3",
            "--path=linear,outputs",
            "--points=5",
        )
        self.assertEqual(found.names, ("efcn_relax1", "cnn@3"))
        self.assertEqual(
            [each["path"] for each in found.settings], ["linear", "outputs"]
        )
        self.assertEqual([each["points"] for each in found.settings], [5, 5])

    def test_shared_flags_are_read(self):
        (found,) = asked(
            "--mode=band",
            *RUN,
            "--second=cnn",
            "--learning_rate=2^-3",
            "--epochs=0",
            "--seed=4",
            "--norecompute_batch_statistics",
        ).settings
        self.assertEqual(
            [
                found[name]
                for name in (
                    "learning_rate",
                    "epochs",
                    "seed",
                    "recompute_batch_statistics",
                )
            ],
            [0.125, 0, 4, False],
        )

    def test_files_are_measured_on_the_data_of_the_flags(self):
        found = asked(
            "--mode=curvature",
            "--first=a.keras",
            "--dataset=digits",
            "--train_size=60",
            "--seed=3",
            "--data_dir=somewhere",
        )
        self.assertIsNone(found.run_dir)
        self.assertEqual(
            (found.data.dataset, found.data.train_size, found.data.seed),
            ("digits", 60, 3),
        )
        self.assertEqual(found.settings[0]["seed"], 3)
        self.assertEqual(found.data_dir, "somewhere")

    def test_files_without_data_need_none(self):
        found = asked("--mode=locality", "--first=a.keras", "--out_dir=o")
        self.assertIsNone(found.data)
        self.assertEqual(found.out_dir, pathlib.Path("o"))

    @parameterized.parameters(
        (["--mode=locality", "--first=a.keras", "--dataset=x"], "--dataset."),
        (["--mode=locality", *RUN, "--data_dir=x"], "ignore --data_dir."),
        (["--mode=locality", *RUN, "--download"], "ignore --download."),
        (
            ["--mode=curvature", *RUN, "--seed=1", "--train_size=3"],
            "--train_size would be ignored: the data are those of runs/a",
        ),
        (
            ["--mode=ablation", *RUN, "--seed=1", "--dataset=x"],
            "--mode=ablation would ignore --dataset, --seed",
        ),
        (["--mode=locality", *RUN, "--path="], "--mode=locality would ignore"),
        (
            ["--mode=interpolation", "--first=a.keras", "--second=cnn"],
            "^cnn must be of a run",
        ),
        (
            ["--mode=ablation", "--first=a.keras", "--canvas_size=9"]
            + ["--dataset=digits"],
            "--dataset=digits would ignore --canvas_size",
        ),
    )
    def test_what_would_be_ignored_is_refused(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            asked(*arguments)

    def test_help_says_who_reads_a_flag(self):
        for name, text in (
            ("points", r"interpolation \(default 11\), string \(default 7\)"),
            ("units", r"Read by off_local\."),
            ("variants", r"default local_only,off_local_only"),
            ("measured_on", r"\(default test\), curvature \(default train\)"),
        ):
            self.assertRegex(flags.FLAGS[name].help, text)

    def test_flags_of_other_binaries_are_no_flags_of_this(self):
        keys = flags.FLAGS.get_key_flags_for_module(compare_flags)
        names = {flag.name for flag in keys}
        self.assertContainsSubset(
            {"run_dir", "epochs", "dataset", "statistics", "seeds"}, names
        )
        self.assertNoCommonElements({"model", "optimizer", "flip"}, names)


if __name__ == "__main__":
    absltest.main()
