"""Tests of the style: what is read can be read, on light and on dark."""

import re

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import page_style

# What is written on what.
PAIRS = [
    (text, ground)
    for text in ("text", "quiet", "link")
    for ground in ("ground", "card")
]


def palettes():
    """Returns the colours of the light, the dark and the printed page."""
    blocks = re.findall(r":root \{(.*?)\}", page_style.CSS, re.DOTALL)
    return [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks
    ]


def luminance(color):
    """Of sRGB, after WCAG 2.1."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


class PageStyleTest(parameterized.TestCase):
    def test_light_dark_and_print_have_their_colours(self):
        light, dark, printed = palettes()
        self.assertEqual(light.keys(), dark.keys())
        self.assertLessEqual(printed.keys(), light.keys())
        self.assertLess(luminance(dark["ground"]), 0.05)
        # Pictures have a white ground: it stays light around them.
        self.assertGreater(luminance(dark["picture"]), 0.8)

    @parameterized.parameters(*PAIRS)
    def test_text_has_contrast_enough(self, text, ground):
        light, dark, printed = palettes()
        for colors in (light, dark, light | printed):
            self.assertGreater(contrast(colors[text], colors[ground]), 4.5)

    def test_every_colour_that_is_used_is_defined(self):
        used = set(re.findall(r"var\(--(\w+)\)", page_style.CSS))
        self.assertEqual(used, palettes()[0].keys())

    def test_braces_fit_and_nothing_comes_from_elsewhere(self):
        css = page_style.CSS
        self.assertEqual(css.count("{"), css.count("}"))
        self.assertNotRegex(css, "url|@import|<")


if __name__ == "__main__":
    absltest.main()
