"""Tests of the table of analyses."""

import dataclasses
import inspect
import json

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import ablation
from needle_tf.analysis import curvature
from needle_tf.analysis import elastic_band
from needle_tf.analysis import elastic_string
from needle_tf.analysis import interpolation
from needle_tf.analysis import locality
from needle_tf.analysis import noise_threshold
from needle_tf.analysis import off_local
from needle_tf.analysis import trained_path
from needle_tf.comparisons import modes as modes_lib
from needle_tf.comparisons import settings as settings_lib

# The functions of the modes, and what they take their further arguments as.
FUNCTIONS = {
    "interpolation": (interpolation.interpolate, None),
    "string": (elastic_string.train_string, trained_path.ChainSettings),
    "band": (elastic_band.train_band, trained_path.ChainSettings),
    "ablation": (ablation.ablate, None),
    "off_local": (off_local.off_local, None),
    "locality": (locality.locality, None),
    "curvature": (curvature.curvature, curvature.Search),
    "threshold": (noise_threshold.noise_threshold, None),
}
# Of the binary alone: what is measured, and with what.
OWN = {"images", "measured_on"}
# Given by the binary, not by flags.
GIVEN = {
    "first",
    "second",
    "settings",
    "model",
    "data",
    "train",
    "test",
    "loss",
    "progress",
    "reference",
    "search",
}


def arguments_of(mode):
    """The arguments of a mode's function with their defaults."""
    function, more = FUNCTIONS[mode]
    found = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in GIVEN
    }
    if more is not None:
        found |= {f.name: f.default for f in dataclasses.fields(more)}
    if "kind" in found:
        found["path"] = [found.pop("kind")]
    return found


class ModesTest(parameterized.TestCase):
    def test_every_mode_is_compared(self):
        self.assertEqual(FUNCTIONS.keys(), modes_lib.MODES.keys())

    @parameterized.parameters(*modes_lib.MODES)
    def test_settings_and_defaults_are_those_of_the_library(self, mode):
        settings = modes_lib.MODES[mode].settings
        expected = arguments_of(mode)
        self.assertEqual(settings.keys() - OWN, expected.keys())
        for name, default in expected.items():
            if default is not inspect.Parameter.empty:
                self.assertEqual(
                    json.loads(json.dumps(settings[name])),
                    json.loads(json.dumps(default)),
                    name,
                )

    def test_every_setting_is_read_by_a_mode(self):
        read = {n for m in modes_lib.MODES.values() for n in m.settings}
        self.assertEqual(read, settings_lib.SETTINGS.keys())


class CheckedTest(parameterized.TestCase):
    def test_what_is_left_out_and_its_default_are_the_same(self):
        plain = modes_lib.checked("ablation", {})
        said = {"seeds": ["0", "1", "2"], "per_layer": True, "batch_size": 500}
        self.assertEqual(modes_lib.checked("ablation", said), plain)
        self.assertEqual(json.loads(json.dumps(plain)), plain)

    @parameterized.parameters(
        ("interpolation", {"points": 1}, "`points` must be an integer >= 2"),
        ("band", {"points": 2}, "`points` must be an integer >= 3"),
        ("string", {"stiffness": -1.0}, "`stiffness` must be a finite num"),
        ("string", {"epochs": -1}, "`epochs` must be an integer >= 0"),
        ("curvature", {"count": 100}, "`count` must be .*<= 99"),
        ("curvature", {"tolerance": 0.0}, "`tolerance` must be .*> 0"),
        (
            "curvature",
            {"count": 5, "basis_size": 5},
            "`basis_size` must be above `count`.*--basis_size=5, --count=5",
        ),
        ("ablation", {"images": 0}, "`images` must be an integer >= 1"),
        (
            "off_local",
            {"positions": ["0:0"], "count": 3},
            "--positions and --count exclude each other",
        ),
    )
    def test_bounds(self, mode, given, message):
        with self.assertRaisesRegex(ValueError, message):
            modes_lib.checked(mode, given)

    def test_units_take_the_place_of_their_number(self):
        found = modes_lib.checked("off_local", {"units": ["1:2:3"]})
        self.assertEqual(found["units"], [[1, 2, 3]])
        self.assertIsNone(found["count"])
        found = modes_lib.checked("off_local", {"count": 3})
        self.assertEqual(found["count"], 3)


if __name__ == "__main__":
    absltest.main()
