"""Tests of colours: seen by everyone, equal in every picture."""

import itertools

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import palette
from needle_tf.reports import histories
from tests.reports import synthetic_runs

# Linear RGB as it is seen without the long, middle or short cones.
# Reference: Machado, Oliveira & Fernandes, IEEE TVCG 15 (2009), severity 1.
SIGHT = {
    "common": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
)


def linear(color):
    channels = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(
        channels <= 0.04045,
        channels / 12.92,
        ((channels + 0.055) / 1.055) ** 2.4,
    )


def lab(rgb):
    """Returns CIELAB, in which a distance of 2 is just seen."""
    t = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


ALL = synthetic_runs.as_histories(
    synthetic_runs.cnn(),
    *(synthetic_runs.relaxed(e) for e in (0, 5, 10, 20, 30)),
    *(synthetic_runs.relaxed(e, "elcn") for e in (0, 30)),
    synthetic_runs.lcn(),
    synthetic_runs.fcn(),
)


class PaletteTest(parameterized.TestCase):
    @parameterized.parameters(*SIGHT)
    def test_kinds_are_told_apart_by_all_kinds_of_sight(self, sight):
        one_each = synthetic_runs.as_histories(
            synthetic_runs.cnn(),
            synthetic_runs.relaxed(20),
            synthetic_runs.relaxed(20, "elcn"),
            synthetic_runs.lcn(),
            synthetic_runs.fcn(),
        )
        seen = {
            name: lab(np.array(SIGHT[sight]) @ linear(color))
            for name, color in palette.colors_of(one_each).items()
        }
        for a, b in itertools.combinations(seen, 2):
            distance = np.linalg.norm(seen[a] - seen[b])
            self.assertGreater(distance, 15, f"{a} and {b}")

    @parameterized.parameters(*SIGHT)
    def test_relax_epochs_go_from_light_to_dark(self, sight):
        colors = palette.colors_of(ALL)
        lightness = [
            lab(np.array(SIGHT[sight]) @ linear(colors[f"efcn_relax{e}"]))[0]
            for e in (0, 5, 10, 20, 30)
        ]
        self.assertTrue(np.all(np.diff(lightness) < -5), lightness)

    def test_names_in_these_colours_are_readable_on_white(self):
        for name, color in palette.colors_of(ALL).items():
            contrast = 1.05 / ((XYZ @ linear(color))[1] + 0.05)
            self.assertGreater(contrast, 2.7, name)

    def test_every_stage_has_a_colour_of_its_own(self):
        colors = palette.colors_of(ALL)
        self.assertEqual(list(colors), [stage.stage for stage in ALL])
        self.assertLen(set(colors.values()), len(ALL))
        for color in colors.values():
            self.assertRegex(color, "^#[0-9A-F]{6}$")

    def test_a_lone_relaxed_network_has_the_colour_of_its_kind(self):
        (stage,) = synthetic_runs.as_histories(synthetic_runs.relaxed(20))
        self.assertEqual(
            palette.colors_of([stage]),
            {"efcn_relax20": palette.color_of_kind("efcn")},
        )

    def test_every_relaxed_kind_has_colour_and_mark(self):
        for kind in histories.RELAXED_KINDS:
            self.assertRegex(palette.color_of_kind(kind), "^#[0-9A-F]{6}$")
            self.assertIn(kind, palette.MARKERS)

    @parameterized.parameters(*SIGHT)
    def test_layers_go_from_dark_to_light_for_all_kinds_of_sight(self, sight):
        colors = palette.depth_colors(12)
        lightness = [
            lab(np.array(SIGHT[sight]) @ linear(color))[0] for color in colors
        ]
        self.assertTrue(np.all(np.diff(lightness) > 2), lightness)
        # No step is much larger than another: none of them seems a border.
        self.assertLess(
            np.diff(lightness).max(), 2.5 * np.diff(lightness).min()
        )

    def test_as_many_layers_as_are_asked_for_have_a_colour(self):
        for count in (0, 1, 2, 112):
            self.assertLen(palette.depth_colors(count), count)
        whole = palette.depth_colors(112)
        self.assertEqual(palette.depth_colors(2), [whole[0], whole[-1]])

    @parameterized.parameters(*SIGHT)
    def test_lines_are_told_apart_by_colour(self, sight):
        looks = palette.line_looks(8, is_ordered=False)
        seen = [
            lab(np.array(SIGHT[sight]) @ linear(look["color"]))
            for look in looks
        ]
        for a, b in itertools.combinations(range(8), 2):
            distance = np.linalg.norm(seen[a] - seen[b])
            # By their marks, too.
            self.assertNotEqual(looks[a]["marker"], looks[b]["marker"])
            self.assertGreater(distance, 15, f"{a} and {b}")

    def test_many_lines_have_dashes_and_ordered_ones_their_order(self):
        looks = palette.line_looks(13, is_ordered=False)
        self.assertLen({str(look["linestyle"]) for look in looks}, 3)
        ordered = palette.line_looks(3, is_ordered=True)
        self.assertEqual(
            [look["color"] for look in ordered], palette.depth_colors(3)
        )

    @parameterized.parameters(*SIGHT)
    def test_settings_look_like_no_network_that_was_not_relaxed(self, sight):
        baselines = synthetic_runs.as_histories(
            synthetic_runs.cnn(), synthetic_runs.lcn(), synthetic_runs.fcn()
        )
        looks = palette.setting_looks(6, is_ordered=False)
        seen = {
            color: lab(np.array(SIGHT[sight]) @ linear(color))
            for color in (
                *palette.colors_of(baselines).values(),
                *(look["efcn"] for look in looks),
            )
        }
        self.assertLen(seen, 9)
        for a, b in itertools.combinations(seen, 2):
            distance = np.linalg.norm(seen[a] - seen[b])
            self.assertGreater(distance, 14, f"{a} and {b}")

    def test_one_setting_has_the_colours_of_its_kinds(self):
        (look,) = palette.setting_looks(1, is_ordered=False)
        for kind in histories.RELAXED_KINDS:
            self.assertEqual(look[kind], palette.color_of_kind(kind))
        self.assertEmpty(palette.setting_looks(0, is_ordered=False))

    @parameterized.parameters((3, True), (9, False))
    def test_ordered_settings_go_from_light_to_dark(self, count, is_ordered):
        looks = palette.setting_looks(count, is_ordered)
        for kind in histories.RELAXED_KINDS:
            lightness = [lab(linear(look[kind]))[0] for look in looks]
            self.assertTrue(np.all(np.diff(lightness) < -2), lightness)

    def test_readable_colours_have_contrast_and_dark_ones_stay(self):
        for color in (*palette.depth_colors(9), "#FFFFFF", "#FFFF00"):
            luminance = (XYZ @ linear(palette.readable(color)))[1]
            self.assertGreaterEqual(1.05 / (luminance + 0.05), 2.99, color)
        self.assertEqual(palette.readable("#0072B2"), "#0072B2")


if __name__ == "__main__":
    absltest.main()
