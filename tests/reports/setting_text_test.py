"""Tests of how settings are written, and of the grids they lie on."""

import hypothesis
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.reports import setting_text

Identity = setting_text.Identity


class BaseTest(parameterized.TestCase):
    @parameterized.parameters(
        ([3**-3, 3**-4], 3),
        ([0.037, 0.0123], 3),
        ([1 / 9, 3**-2.5, 1 / 27, 3**-4], 3),
        ([3, 1, 1 / 3], 3),
        ([0.1, 0.01], 10),
        ([0.5, 0.25, 1], 2),
        # Counts, a value alone, no grid, and what has no logarithm.
        ([32, 64, 128], None),
        ([0.037037], None),
        ([0.1, 0.25, 0.3], None),
        ([0, 1 / 3, 1 / 9], None),
        ([-0.1, 0.1], None),
        (["sgd", "adam"], None),
        ([], None),
    )
    def test_the_base_is_that_of_all_values(self, values, base):
        self.assertEqual(setting_text.base_of(values), base)

    @hypothesis.given(
        st.sampled_from([2, 3, 5, 10]),
        st.lists(st.integers(-8, 0), min_size=2, unique=True),
    )
    def test_powers_written_with_six_digits_are_recognised(self, base, powers):
        values = [float(f"{float(base) ** power:.6g}") for power in powers]
        self.assertEqual(setting_text.base_of(values), base)

    @parameterized.parameters(
        ([3**-3, 3**-4], True),
        ([1, 2, 4, 8], True),
        ([0, 1e-4, 1e-3], True),
        ([0.001, 0.002, 0.09], True),
        ([-0.1, 0, 0.1], False),
        ([1, 2, 3], False),
        ([5], False),
        ([0, 1], False),
    )
    def test_grids_and_wide_ranges_are_logarithmic(self, values, expected):
        self.assertEqual(setting_text.is_logarithmic(values), expected)


class TextTest(parameterized.TestCase):
    @parameterized.parameters(
        (3**-3, 3, "3⁻³"),
        (3**-2.5, 3, "3⁻²·⁵"),
        (1, 3, "3⁰"),
        (9, 3, "3²"),
        (0.01, 10, "0.01"),
        (1e-5, 10, "10⁻⁵"),
        (0.0370370370, None, "0.03704"),
        (-0.6, None, "\N{MINUS SIGN}0.6"),
        (128, None, "128"),
        ("adam", None, "adam"),
        (None, None, "None"),
        (True, None, "True"),
        (float("nan"), 3, "nan"),
    )
    def test_values_are_written_shortly(self, value, base, expected):
        self.assertEqual(setting_text.text(value, base), expected)


class IdentitiesTest(absltest.TestCase):
    def test_only_what_differs_is_written(self):
        identities = [
            Identity(f"{v}{r}{m}", v, {"rate": r, "batch": 128})
            for v in ("sgd", "layca")
            for r in (1 / 27, 1 / 9)
            for m in [0]
        ]
        self.assertEqual(
            setting_text.columns(identities),
            {
                "variant": ["sgd", "sgd", "layca", "layca"],
                "rate": ["3⁻³", "3⁻²", "3⁻³", "3⁻²"],
            },
        )
        self.assertEqual(setting_text.texts(identities)[-1], "layca, rate=3⁻²")

    def test_a_setting_that_one_does_not_have_is_left_out_of_its_text(self):
        identities = [
            Identity("a", "sgd", {"rate": 0.5}),
            Identity("b", "sgd", {"rate": 0.7}),
            Identity("c", "x", {}),
        ]
        self.assertEqual(
            setting_text.texts(identities),
            ["sgd, rate=0.5", "sgd, rate=0.7", "x"],
        )

    def test_what_follows_from_the_variant_is_left_out(self):
        identities = [
            Identity(f"{name} {k}", name, {"rate": rate, "decay": [k], "k": k})
            for name, rate in (("sgd", 0.1), ("layca", 0.3))
            for k in (1, 2)
        ]
        self.assertEqual(
            setting_text.texts(identities),
            ["sgd, decay=[1]", "sgd, decay=[2]"]
            + ["layca, decay=[1]", "layca, decay=[2]"],
        )

    def test_labels_stand_in_where_settings_do_not_tell_apart(self):
        identities = [
            Identity("a", None, {"x": 1}),
            Identity("b", None, {"x": 1}),
        ]
        self.assertEqual(setting_text.columns(identities), {})
        self.assertEqual(setting_text.texts(identities), ["a", "b"])

    def test_cells_are_one_line(self):
        cells = {"variant": "slow", "rate": "3", "decay": "-"}
        self.assertEqual(setting_text.line_of(cells), "slow, rate=3")

    def test_one_alone_has_its_label(self):
        self.assertEqual(
            setting_text.texts([Identity("all", None, {"x": 1})]), ["all"]
        )


if __name__ == "__main__":
    absltest.main()
