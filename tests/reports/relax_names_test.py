"""Tests of what labels are called: what differs, and no more."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs


class NamesTest(parameterized.TestCase):
    def names(self, *settings, begun=()):
        trials = [
            (
                synthetic_relax_sweeps.entry(own),
                [synthetic_runs.cnn(reached=1)] if own in begun else None,
            )
            for own in settings
        ]
        folder = self.create_tempdir().full_path
        synthetic_relax_sweeps.write(folder, {}, trials)
        return relax_names.Names(relax_trials.read(folder))

    def test_settings_that_all_have_are_not_said(self):
        names = self.names({"width": 1, "rate": 1}, {"width": 1, "rate": 2})
        self.assertEqual(
            [names.text_of([label]) for label in names.labels],
            ["rate=1", "rate=2"],
        )

    def test_labels_in_common_are_called_by_what_they_share(self):
        names = self.names(*({"a": a, "b": b} for a in (1, 2) for b in (3, 4)))
        one, two, three, four = names.labels
        self.assertEqual(names.text_of([one, two]), "a=1")
        self.assertEqual(names.text_of([two, four]), "b=4")
        # No setting is that of these alone.
        self.assertEqual(names.text_of([one, four]), "a=1, b=3 / a=2, b=4")
        self.assertEqual(
            names.text_of([one, two, three]), "a=1, b=3 / a=1, b=4 / a=2, b=3"
        )
        self.assertEqual(names.settings_of([one, two]), {"a": 1})
        self.assertEqual(names.settings_of([one, four]), {})
        self.assertEqual(names.settings_of([four]), {"a": 2, "b": 4})

    def test_what_is_known_is_left_away(self):
        names = self.names(*({"a": a, "b": b} for a in (1, 2) for b in (3, 4)))
        one, two, *_ = names.labels
        self.assertEqual(names.text_of([one], beside=[one, two]), "b=3")
        self.assertEqual(names.text_of([one], beside=[one]), "a=1, b=3")

    def test_one_label_has_its_own_name(self):
        names = self.names({})
        self.assertEqual(names.text_of(names.labels), "sgd")
        self.assertFalse(names.are_ordered)

    @parameterized.parameters(
        ([{"a": 1}, {"a": 3}], True),
        ([{"a": 1, "b": 0}, {"a": 3, "b": 0}], True),
        ([{"a": "x"}, {"a": "y"}], False),
        ([{"a": 1}, {"b": 1}], False),
        ([{"a": 1, "b": 2}, {"a": 2, "b": 3}, {"a": 1, "b": 3}], False),
    )
    def test_steps_of_one_number_are_ordered(self, settings, expected):
        self.assertEqual(self.names(*settings).are_ordered, expected)

    def test_labels_that_have_begun_are_known(self):
        names = self.names({"a": 1}, {"a": 2}, begun=[{"a": 2}])
        self.assertEqual(names.have_begun, {"a=2"})
        self.assertLen(names.trials_of(names.labels), 2)


if __name__ == "__main__":
    absltest.main()
