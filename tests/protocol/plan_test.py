"""Tests of the stages of a run."""

import hypothesis
from absl.testing import absltest
from hypothesis import strategies as st

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import plan
from needle_tf.protocol import training_config


def stages(**settings):
    return plan.stages(config_lib.ProtocolConfig(**settings))


class StagesTest(absltest.TestCase):
    def test_default_is_cnn_relaxed_net_and_two_from_scratch(self):
        self.assertEqual(
            [(s.name, s.kind, s.first_epoch, s.last_epoch) for s in stages()],
            [
                ("cnn", "cnn", 0, 40),
                ("efcn_relax20", "efcn", 20, 40),
                ("fcn", "fcn", 0, 40),
                ("lcn", "lcn", 0, 40),
            ],
        )

    def test_one_cnn_serves_all_relax_epochs_and_keeps_each(self):
        found = stages(
            relax_epochs=[0, 7, 31], baselines=["elcn"], log_checkpoints=0
        )
        self.assertEqual(
            [s.name for s in found],
            ["cnn"]
            + ["efcn_relax0", "elcn_relax0", "efcn_relax7", "elcn_relax7"]
            + ["efcn_relax31", "elcn_relax31"],
        )
        self.assertEqual(found[0].kept_epochs, (0, 7, 31, 40))
        self.assertEqual(found[3].relax_epoch, 7)
        self.assertTrue(found[3].is_relaxed)
        self.assertFalse(found[0].is_relaxed)

    def test_band_has_a_name_of_its_own(self):
        found = stages(space="band", radius=1, baselines=[])
        self.assertEqual([s.name for s in found], ["cnn", "band_relax20"])

    def test_relaxed_nets_have_their_own_epochs_and_rate(self):
        cnn, efcn, fcn, _ = stages(relaxed_epochs=50, relaxed_learning_rate=0.7)
        self.assertEqual((efcn.first_epoch, efcn.last_epoch), (20, 70))
        self.assertEqual(efcn.learning_rate, 0.7)
        self.assertEqual((cnn.learning_rate, fcn.learning_rate), (0.1, 0.1))

    def test_nets_from_scratch_have_their_own_rate(self):
        cnn, efcn, fcn, lcn = stages(baseline_learning_rate=0.02)
        self.assertEqual((cnn.learning_rate, efcn.learning_rate), (0.1, 0.1))
        self.assertEqual((fcn.learning_rate, lcn.learning_rate), (0.02, 0.02))

    def test_relaxing_at_the_end_is_possible_with_epochs_of_its_own(self):
        _, efcn, *_ = stages(relax_epochs=[40], relaxed_epochs=5)
        self.assertEqual((efcn.first_epoch, efcn.last_epoch), (40, 45))

    def test_rotations_need_the_weights_that_a_stage_began_with(self):
        found = stages(layer_rotation=True, log_checkpoints=0)
        self.assertEqual(
            [s.kept_epochs for s in found],
            [(0, 20, 40), (20, 40), (0, 40), (0, 40)],
        )
        found = stages(log_checkpoints=0)
        self.assertEqual([s.kept_epochs for s in found][1:], [(40,)] * 3)

    def test_snapshots_of_all_but_the_cnn_are_kept_as_asked_for(self):
        every = {"log_checkpoints": 0, "checkpoint_interval": 15}
        cnn, efcn, fcn, _ = stages(snapshots="all", **every)
        self.assertEqual(cnn.kept_epochs, (20, 40))
        self.assertEqual(efcn.kept_epochs, (20, 35, 40))
        self.assertEqual(fcn.kept_epochs, (0, 15, 30, 40))
        found = stages(snapshots="none", **every)
        self.assertEqual([s.is_kept for s in found], [True] + [False] * 3)
        self.assertTrue(all(s.is_kept for s in stages(**every)))

    def test_relaxing_the_sharing_alone_makes_a_locally_connected_net(self):
        found = stages(space="lcn", baselines=["fcn"])
        self.assertEqual([s.kind for s in found], ["cnn", "elcn", "fcn"])

    def test_training_run_is_one_stage(self):
        config = training_config.TrainingConfig(
            learning_rate=0.5, epochs=7, seed=2
        )
        stage = plan.training(config)
        self.assertEqual((stage.name, stage.kind), ("train", "train"))
        self.assertEqual((stage.first_epoch, stage.last_epoch), (0, 7))
        self.assertEqual(stage.kept_epochs, (0, 7))
        self.assertEqual(stage.learning_rate, 0.5)
        self.assertFalse(stage.is_relaxed)
        self.assertEqual(stage.seed, plan.seed_of(2, "train"))

    def test_seed_of_a_stage_does_not_depend_on_the_other_stages(self):
        few = {s.name: s.seed for s in stages(baselines=[])}
        many = {s.name: s.seed for s in stages(relax_epochs=[3, 20])}
        self.assertEqual(few["efcn_relax20"], many["efcn_relax20"])
        self.assertLen(set(many.values()), len(many))
        others = {s.name: s.seed for s in stages(seed=1)}
        self.assertNotEqual(few["cnn"], others["cnn"])

    @hypothesis.given(st.integers(1, 500), st.integers(1, 40))
    def test_log_spaced_epochs_ascend_from_1_to_the_last(self, epochs, count):
        found = plan.log_spaced_epochs(epochs, count)
        self.assertEqual(found, sorted(set(found)))
        self.assertLessEqual(len(found), count)
        self.assertEqual(found[-1], epochs)
        self.assertEqual(found[0], 1 if count > 1 else epochs)

    def test_log_spaced_epochs_of_the_paper(self):
        found = plan.log_spaced_epochs(100, 5)
        self.assertEqual(found, [1, 3, 10, 32, 100])

    @hypothesis.given(st.integers(0, 2**32 - 1), st.text(max_size=5))
    def test_seeds_fit_what_takes_them(self, seed, name):
        self.assertBetween(plan.seed_of(seed, name), 0, 2**32 - 1)


if __name__ == "__main__":
    absltest.main()
