"""Tests of the names of networks and runs, the same wherever they stand."""

from absl.testing import absltest

from needle_tf.reports import histories
from needle_tf.reports import network_names
from tests.reports import synthetic_runs


class NetworkNamesTest(absltest.TestCase):
    def test_names_tell_the_relax_epoch(self):
        stages = synthetic_runs.as_histories(
            synthetic_runs.cnn(),
            *(synthetic_runs.relaxed(e) for e in (0, 5, 10, 20, 30)),
            *(synthetic_runs.relaxed(e, "elcn") for e in (0, 30)),
            synthetic_runs.lcn(),
            synthetic_runs.fcn(),
        )
        self.assertEqual(
            [network_names.name_of(stage) for stage in stages],
            ["CNN"]
            + [f"eFCN@{e}" for e in (0, 5, 10, 20, 30)]
            + ["eLCN@0", "eLCN@30", "LCN", "FCN"],
        )
        (band,) = synthetic_runs.as_histories(synthetic_runs.relaxed(7, "band"))
        self.assertEqual(network_names.name_of(band), "band@7")

    def test_every_relaxed_kind_has_a_name(self):
        for kind in histories.RELAXED_KINDS:
            self.assertNotEmpty(network_names.name_of_kind(kind))

    def test_the_title_of_a_run_tells_network_and_data(self):
        for config, title in (
            ({}, ""),
            ({"model": "skinny"}, "skinny"),
            ({"model": "skinny", "dataset": "mnist"}, "skinny on mnist"),
            ({"model_file": "/a/b.keras", "dataset": "d"}, "b.keras on d"),
        ):
            self.assertEqual(network_names.title_of(config), title)


if __name__ == "__main__":
    absltest.main()
