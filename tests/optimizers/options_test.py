"""Tests of the options: what is taken, what is refused, and the words."""

import dataclasses
import fractions

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options

RATE = options.Option("rate", float, "A share.", low=0, high=1)
OPEN = dataclasses.replace(RATE, is_low_open=True, is_high_open=True)
COUNT = options.Option("count", int, "A count.", low=2)
SWITCH = options.Option("switch", bool, "A switch.")
PATTERNS = options.Option("patterns", list, "Patterns.")
WORD = options.Option("word", str, "A word.", choices=("all", "none"))


class OptionsTest(parameterized.TestCase):
    @parameterized.parameters(
        0, 1, 0.5, np.float32(0.5), np.int64(1), fractions.Fraction(1)
    )
    def test_any_real_number_becomes_a_float(self, value):
        checked = RATE.checked(value)
        self.assertIs(type(checked), float)
        self.assertEqual(checked, value)

    @parameterized.parameters(2, 10**400, np.int32(7))
    def test_any_integer_becomes_an_int(self, value):
        checked = COUNT.checked(value)
        self.assertIs(type(checked), int)
        self.assertEqual(checked, value)

    @parameterized.parameters(True, False, np.True_, np.False_)
    def test_any_truth_value_becomes_a_bool(self, value):
        checked = SWITCH.checked(value)
        self.assertIs(type(checked), bool)
        self.assertEqual(checked, value)

    @parameterized.parameters(([],), (["a", "b.*"],), (("a",),))
    def test_patterns_become_a_list(self, value):
        self.assertEqual(PATTERNS.checked(value), list(value))

    def test_word_is_one_of_the_choices(self):
        self.assertEqual(WORD.checked("none"), "none")

    @parameterized.parameters(
        (RATE, -0.1),
        (RATE, 1.1),
        (RATE, float("nan")),
        (RATE, float("inf")),
        (RATE, 10**400),
        (RATE, True),
        (RATE, np.False_),
        (RATE, "0.5"),
        (RATE, None),
        (RATE, 1j),
        (OPEN, 0),
        (OPEN, 1.0),
        (COUNT, 1),
        (COUNT, 3.0),
        (COUNT, True),
        (SWITCH, 1),
        (SWITCH, "true"),
        (PATTERNS, "abc"),
        (PATTERNS, [1]),
        (PATTERNS, ["("]),
        (WORD, "some"),
        (WORD, 1),
        (WORD, ("all",)),
    )
    def test_wrong_values_are_refused_with_the_value(self, option, value):
        with self.assertRaises(ValueError) as refusal:
            option.checked(value)
        self.assertEqual(
            str(refusal.exception),
            f"`{option.name}` must be {option.expected()}. Received: "
            f"{option.name}={value!r}.",
        )

    @parameterized.parameters(
        (RATE, "a finite number >= 0 and <= 1"),
        (OPEN, "a finite number > 0 and < 1"),
        (COUNT, "an integer >= 2"),
        (SWITCH, "True or False"),
        (PATTERNS, "a list of regular expressions"),
        (WORD, "one of all, none"),
        (options.OPTIONS["muon_a"], "a finite number"),
    )
    def test_bounds_are_said_in_words(self, option, words):
        self.assertEqual(option.expected(), words)

    def test_infinite_bounds_do_not_let_infinity_in(self):
        with self.assertRaisesRegex(ValueError, "must be a finite.*muon_a=inf"):
            options.OPTIONS["muon_a"].checked(float("inf"))

    def test_every_option_has_one_name_and_one_sentence(self):
        every = (
            *options.INHERITED,
            *options.OWN,
            *options.LAYCA,
            *options.EC_OPT,
        )
        self.assertLen(options.OPTIONS, len(every))
        for option in (options.LEARNING_RATE, *every):
            self.assertRegex(option.help, r"^[A-Z].*[^.]\.$", option.name)
            self.assertIn(option.needs, {None, *options.OPTIONS}, option.name)
            self.assertEqual(option.kind is str, bool(option.choices))

    def test_option_may_go_by_another_name(self):
        other = options.renamed(RATE, "share")
        with self.assertRaisesRegex(ValueError, "`share` must be.*share=2"):
            other.checked(2)


if __name__ == "__main__":
    absltest.main()
