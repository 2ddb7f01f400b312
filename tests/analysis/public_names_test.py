"""Tests of the names that the room of analyses offers by itself."""

import inspect

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf import analysis

PROMISED = [
    "ChainSettings",
    "Evaluator",
    "ablate",
    "interpolate",
    "train_band",
    "train_string",
]


class NamesTest(parameterized.TestCase):
    def test_promised_names_are_public(self):
        self.assertEqual(analysis.__all__, PROMISED)

    @parameterized.parameters(*PROMISED)
    def test_name_is_importable_ours_and_documented(self, name):
        value = getattr(analysis, name)
        self.assertStartsWith(value.__module__, "needle_tf.analysis.")
        self.assertEqual(value.__name__, name)
        documented = inspect.getdoc(value)
        for argument in inspect.signature(value).parameters:
            self.assertRegex(documented, rf"\b{argument}\b")

    @parameterized.parameters(
        "curvature",
        "in_one_space",
        "locality",
        "noise_threshold",
        "off_local",
    )
    def test_docstring_names_functions_of_modules_of_their_name(self, name):
        self.assertIn(f"`{name}.{name}`", analysis.__doc__)
        modules = {}
        exec(f"from needle_tf.analysis import {name}", modules)
        self.assertTrue(callable(getattr(modules[name], name)))

    def test_unknown_name_lists_the_known_ones(self):
        with self.assertRaisesRegex(
            AttributeError,
            "'needle_tf.analysis' has no attribute 'ablade'. Its public "
            "names: ChainSettings, .*train_string",
        ):
            analysis.ablade  # noqa: B018


if __name__ == "__main__":
    absltest.main()
