"""Tests of the rules, which come without Keras; words in the other tests."""

import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import layca_rules
from needle_tf.optimizers import options


class RulesTest(parameterized.TestCase):
    @parameterized.parameters(
        dict(),
        dict(exact_angle=True),
        dict(project=False, restore_norm=False),
        dict(granularity="unit", unit_axes=(0,)),
        dict(alpha=0.5, alpha_skips=["a"]),
        dict(alpha=0.0, multipliers={"a": 1}),
    )
    def test_what_goes_together_passes(self, **settings):
        layca_rules.check_together(learning_rate=0.1, **settings)

    def test_replay_stands_for_a_rate(self):
        layca_rules.check_together(learning_rate=None, replays=True)
        with self.assertRaisesRegex(
            ValueError, r"`angles` needs `project` and.*restore_norm=False"
        ):
            layca_rules.check_together(
                learning_rate=None, replays=True, restore_norm=False
            )
        with self.assertRaisesRegex(
            ValueError, "`learning_rate` must be given"
        ):
            layca_rules.check_together(learning_rate=None)

    def test_offered_names_are_options(self):
        self.assertLessEqual(set(layca_rules.OFFERED), set(options.OPTIONS))

    def test_rules_come_without_keras(self):
        code = (
            "import sys; sys.argv = ['-m']; "
            "sys.orig_argv = ['python', '-m', 'needle_tf.main']; "
            "from needle_tf.optimizers import layca_rules; "
            "sys.exit('keras' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code])
        self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    absltest.main()
