"""Tests of results as JSON."""

import dataclasses
import json
import math

from absl.testing import absltest

from needle_tf.analysis import plain_json


@dataclasses.dataclass(frozen=True)
class Inner:
    value: float


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str
    parts: tuple[Inner, ...]
    by_layer: dict[str, Inner]
    nothing: None = None


class DumpsTest(absltest.TestCase):
    def test_fields_keep_names_and_order_at_any_depth(self):
        outer = Outer("a", (Inner(0.5), Inner(2)), {"conv": Inner(1.0)})
        text = plain_json.dumps(outer)
        self.assertEqual(
            json.loads(text),
            {
                "name": "a",
                "parts": [{"value": 0.5}, {"value": 2}],
                "by_layer": {"conv": {"value": 1.0}},
                "nothing": None,
            },
        )
        self.assertLess(text.index('"name"'), text.index('"parts"'))

    def test_what_is_not_finite_is_null(self):
        values = (math.nan, math.inf, -math.inf, 1.0)
        text = plain_json.dumps([Inner(value) for value in values])
        found = [each["value"] for each in json.loads(text)]
        self.assertEqual(found, [None, None, None, 1.0])

    def test_what_is_not_plain_is_refused(self):
        with self.assertRaisesRegex(TypeError, "set is not JSON"):
            plain_json.dumps(Inner({1}))


if __name__ == "__main__":
    absltest.main()
