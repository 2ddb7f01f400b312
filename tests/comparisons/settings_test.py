"""Tests of what the analyses read."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import ablation
from needle_tf.analysis import interpolation
from needle_tf.analysis import lanczos
from needle_tf.analysis import noise_threshold
from needle_tf.analysis import weight_parts
from needle_tf.comparisons import settings as settings_lib


class ChoicesTest(parameterized.TestCase):
    @parameterized.parameters(
        (settings_lib.PATHS, interpolation.KINDS),
        (settings_lib.VARIANTS, ablation.VARIANTS),
        (settings_lib.SPACES, weight_parts.SPACES),
        (settings_lib.ORDERS, lanczos.ORDERS),
        (settings_lib.PARTS, noise_threshold.PARTS),
        (settings_lib.DIRECTIONS, noise_threshold.DIRECTIONS),
    )
    def test_choices_are_those_of_the_library(self, own, theirs):
        self.assertEqual(own, theirs)


class ListedTest(parameterized.TestCase):
    @parameterized.parameters(
        ("path", ["outputs", "linear", "outputs"], ["outputs", "linear"]),
        ("seeds", ["3", " 0"], [3, 0]),
        ("units", ["3:4:0"], [(3, 4, 0)]),
        ("positions", ["3:4", "0:0"], [(3, 4), (0, 0)]),
        ("distances", ["0", "0.5", "2^-2"], [0.0, 0.5, 0.25]),
        ("layers", ["a", "b/c"], ["a", "b/c"]),
    )
    def test_texts_become_values(self, name, texts, values):
        self.assertEqual(settings_lib.SETTINGS[name].checked(texts), values)

    @parameterized.parameters(
        ("path", ["curved"], "some of linear, curvilinear, outputs"),
        ("variants", [], "some of local_only"),
        ("seeds", ["-1"], "integers >= 0"),
        ("seeds", ["one"], "integers >= 0"),
        ("units", ["3:4"], "row:column:channel"),
        ("positions", ["3:-4"], "row:column of the output"),
        ("distances", ["1"], r"numbers in \[0, 1\)"),
        ("distances", ["nan"], r"numbers in \[0, 1\)"),
        ("layers", [""], "names of layers"),
        ("spaces", ["fcn"], "some of all, lcn, cnn"),
    )
    def test_others_are_refused(self, name, texts, expected):
        with self.assertRaisesRegex(
            ValueError,
            f"`{name}` must be {expected}.*Received: --{name}="
            f"{','.join(texts)}.",
        ):
            settings_lib.SETTINGS[name].checked(texts)


if __name__ == "__main__":
    absltest.main()
