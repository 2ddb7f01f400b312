"""Tests of the words: what was run, as a reader would say it."""

import pathlib

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import run_facts
from needle_tf.pages import run_words
from tests.pages import page_folders


def facts(*configs, kind="relax", axes=None):
    path = pathlib.Path("/nowhere")
    runs = [
        run_facts.Run(str(k), path, config, ())
        for k, config in enumerate(configs)
    ]
    is_sweep = len(runs) > 1
    return run_facts.Facts(kind, is_sweep, axes or {}, runs, None, {})


class RunWordsTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"model": "small_cnn", "dataset": "digits"}, "small_cnn on digits"),
        ({"model_file": "/a/b/mine.keras", "dataset": "d"}, "mine on d"),
        ({"task": "c10_cnn1", "model": "x"}, "c10_cnn1"),
        ({}, "A run of needle_tf"),
    )
    def test_title_tells_network_and_data(self, config, title):
        self.assertEqual(run_words.title(facts(config)), title)

    def test_kind_tells_how_many_runs_there_are(self):
        self.assertEqual(run_words.kind(facts({})), "relax protocol, one run")
        self.assertEqual(
            run_words.kind(facts({}, {}, kind="training")),
            "training, a sweep of 2 runs",
        )

    def test_lead_names_what_is_compared(self):
        lead = run_words.lead(facts({"baselines": ["fcn", "elcn", "lcn"]}))
        self.assertEndsWith(lead, "Compared with: FCN and LCN from scratch.")
        lead = run_words.lead(facts({"baselines": []}))
        self.assertNotIn("Compared", lead)
        lead = run_words.lead(facts({"optimizer": "layca"}, kind="training"))
        self.assertStartsWith(lead, "A network is trained with layca, ")

    def test_settings_of_one_run(self):
        config = page_folders.CONFIG | {"seed": 0}
        self.assertEqual(
            run_words.settings(facts(config)),
            {
                "Data": "digits",
                "Training images": "1200",
                "Optimizer": "sgd",
                "Its options": "momentum=0.9",
                "Learning rate": "0.1",
                "Batch size": "100",
                "Epochs": "40",
                "Relaxed at epochs": "5, 20",
                "Baselines": "fcn",
                "Seed": "0",
            },
        )

    def test_what_differs_between_runs_is_told(self):
        found = run_words.settings(
            facts(
                {"learning_rate": 0.1, "relaxed_learning_rate": 0.1, "seed": 0},
                {"learning_rate": 0.1, "relaxed_learning_rate": 1, "seed": 1},
                axes={"seed": [0, 1, 2], "flip": [True, False]},
            )
        )
        self.assertEqual(
            found,
            {
                "Learning rate": "0.1",
                "Rate when relaxed": "0.1, 1",
                "flip": "True, False",
                "Seeds": "0, 1, 2",
            },
        )

    def test_many_seeds_are_counted(self):
        found = run_words.settings(facts({}, axes={"seed": list(range(12))}))
        self.assertEqual(found["Seeds"], "12 seeds")


if __name__ == "__main__":
    absltest.main()
