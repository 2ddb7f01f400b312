"""Tests of numbered groups that a skeleton can span."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.scales import edge_groups
from needle_tf.scales import events
from needle_tf.scales import skeleton_entries

GROUND = np.zeros((1, 1), int)


class Notes:
    """A ledger with weights between columns of units."""

    def __init__(self):
        self.variables = [
            keras.Variable(np.zeros((2, 2), "float32")) for _ in range(4)
        ]
        self.ledger = events.Ledger(self.variables)
        self.unused = iter(self.variables)

    def units(self, where):
        """Two new units."""
        self.ledger.where = where
        return self.ledger.fresh((2,))

    def weigh(self, source, target, kind="kernel"):
        """A weight from two units (ground by default) to two others."""
        source = GROUND if source is None else source[:, None]
        target = GROUND if target is None else target[None]
        blocks = skeleton_entries.Blocks((1, 2, 2), (0, 2, 1))
        self.ledger.weigh(
            events.Use(
                next(self.unused),
                self.ledger.where,
                kind,
                source,
                target,
                None if kind == "bias" else blocks,
            )
        )

    def reasons(self):
        return list(self.ledger.reasons)


class GroupTest(parameterized.TestCase):
    def test_groups_are_numbered_as_they_appear(self):
        notes = Notes()
        notes.units("read by nobody, fed by nobody")
        first = notes.units("first")
        notes.weigh(None, first)
        second = notes.units("second")
        notes.weigh(first, second)
        notes.weigh(second, None)
        found = edge_groups.group(notes.ledger)
        self.assertEqual(
            found.owners, ("ground", "first", "first", "second", "second")
        )
        into, between, out = found.uses
        self.assertEqual(into[1].tolist(), [[0]])
        self.assertEqual(into[2].tolist(), [[1, 2]])
        self.assertEqual(between[1].tolist(), [[1], [2]])
        self.assertEqual(between[2].tolist(), [[3, 4]])
        self.assertEqual(out[3].tolist(), [0, 3])
        self.assertEqual(between[2].dtype, "int32")
        self.assertEmpty(notes.reasons())

    def test_united_units_are_one_group(self):
        notes = Notes()
        units = notes.units("layer")
        notes.weigh(None, units)
        notes.weigh(units, None)
        notes.ledger.tie(units[:1], units[1:])
        found = edge_groups.group(notes.ledger)
        self.assertEqual(found.owners, ("ground", "layer"))
        # One group all along the axis.
        self.assertEqual(found.uses[0][2].tolist(), [[1]])
        # Its middle column stands for it.
        self.assertEqual(found.uses[0][3].tolist(), [1, 3])

    def test_group_that_leads_nowhere_is_ground(self):
        notes = Notes()
        notes.weigh(None, notes.units("end"))
        found = edge_groups.group(notes.ledger)
        self.assertEqual(found.owners, ("ground",))
        self.assertTrue(found.is_ground.all())
        self.assertEqual(
            notes.reasons(), [("end", "no weight that trains leads out of it")]
        )

    def test_group_that_nothing_enters_is_ground(self):
        notes = Notes()
        notes.weigh(notes.units("padding"), None)
        self.assertEqual(edge_groups.group(notes.ledger).owners, ("ground",))
        self.assertEqual(
            notes.reasons(),
            [("padding", "no weight that trains leads into it")],
        )

    def test_group_that_a_bias_alone_enters_is_ground(self):
        notes = Notes()
        units = notes.units("constant")
        notes.weigh(None, units, "bias")
        notes.weigh(units, None)
        self.assertEqual(edge_groups.group(notes.ledger).owners, ("ground",))
        self.assertEqual(
            notes.reasons(), [("constant", "nothing but a bias leads into it")]
        )

    def test_groups_in_a_circle_of_their_own_are_ground(self):
        notes = Notes()
        one, other = notes.units("one"), notes.units("other")
        notes.weigh(one, other)
        notes.weigh(other, one)
        notes.weigh(other, None)
        self.assertEqual(edge_groups.group(notes.ledger).owners, ("ground",))
        self.assertEqual(
            notes.reasons(),
            [
                ("one", "no chain of weights leads through it"),
                ("other", "no chain of weights leads through it"),
            ],
        )

    def test_what_leads_to_a_stranded_group_leads_to_ground(self):
        notes = Notes()
        first = notes.units("first")
        notes.weigh(None, first)
        notes.weigh(first, notes.units("end"))
        found = edge_groups.group(notes.ledger)
        # The end became ground, and so `first` leads to ground.
        self.assertEqual(found.owners, ("ground", "first", "first"))
        self.assertEqual(found.uses[1][2].tolist(), [[0]])


if __name__ == "__main__":
    absltest.main()
