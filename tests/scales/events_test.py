"""Tests of the ledger of scales."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.scales import events

Flow = events.Flow


def weight(name="kernel", shape=(2, 3)):
    return keras.Variable(np.zeros(shape, "float32"), name=name)


def use(variable, source, target):
    return events.Use(variable, "layer", "kernel", source, target)


class FlowTest(parameterized.TestCase):
    def test_units_along_a_shared_axis_have_one_id(self):
        flow = Flow((2, 3), np.array([[5], [6]]))
        self.assertEqual(flow.full().tolist(), [[5, 5, 5], [6, 6, 6]])
        self.assertFalse(flow.is_ground())
        self.assertTrue(events.grounded((2, 3)).is_ground())

    def test_flow_of_unknown_size_cannot_be_written_out(self):
        with self.assertRaisesRegex(
            events.Inhomogeneous, r"unknown size: .* \(None, 2\)"
        ):
            Flow((None, 2), np.array([[5, 6]])).full()

    def test_axes_along_which_all_ids_agree_are_cut(self):
        ids = np.array([[[1, 2], [1, 2]], [[1, 2], [1, 2]]])
        self.assertEqual(events.shared(ids).tolist(), [[[1, 2]]])
        other = np.array([[1, 2], [3, 4]])
        np.testing.assert_array_equal(events.shared(other), other)
        self.assertEqual(events.shared(np.zeros((0, 2))).shape, (0, 1))


class LedgerTest(parameterized.TestCase):
    def test_fresh_ids_are_new_and_know_their_owner(self):
        ledger = events.Ledger([])
        ledger.where = "one"
        first = ledger.fresh((2, 2))
        ledger.where = "two"
        second = ledger.fresh((3,))
        self.assertEqual(first.tolist(), [[1, 2], [3, 4]])
        self.assertEqual(second.tolist(), [5, 6, 7])
        owners = [ledger.owner(label) for label in (0, 1, 4, 5, 7)]
        self.assertEqual(owners, ["ground", "one", "one", "two", "two"])

    def test_ties_make_one_scale_and_ground_has_none(self):
        ledger = events.Ledger([])
        ids = ledger.fresh((6,))
        ledger.tie(ids[:2], ids[2:3])
        ledger.pass_on(ids[4:5], ids[5:])
        ledger.ground(ids[5:], "for a reason")
        ledger.ground(np.zeros(1, int), "what is ground needs no reason")
        self.assertEqual(ledger.labels().tolist(), [0, 1, 1, 1, 4, 0, 0])
        self.assertEqual(list(ledger.reasons), [("", "for a reason")])

    def test_united_units_come_together_in_a_new_one(self):
        ledger = events.Ledger([])
        flow = Flow((2, 3), ledger.fresh((2, 3)))
        after = ledger.unite(flow, [0])
        self.assertEqual(after.tolist(), [[7, 8, 9]])
        labels = ledger.labels()
        np.testing.assert_array_equal(labels[1:4], labels[4:7])
        np.testing.assert_array_equal(labels[1:4], labels[7:])
        self.assertIs(ledger.unite(Flow((2, 3), after), [0]), after)

    def test_frozen_weight_keeps_both_its_ends(self):
        ledger = events.Ledger([])
        source, target = ledger.fresh((2, 1)), ledger.fresh((1, 3))
        ledger.where = "layer"
        ledger.weigh(use(weight(), source, target))
        self.assertFalse(ledger.labels().any())
        self.assertEmpty(ledger.uses())
        self.assertEqual(
            list(ledger.reasons), [("layer", "its kernel is frozen")]
        )

    def test_second_use_of_a_weight_has_the_scales_of_the_first(self):
        kernel = weight()
        ledger = events.Ledger([kernel])
        ends = [ledger.fresh(shape) for shape in ((2, 1), (1, 3)) * 2]
        ledger.weigh(use(kernel, *ends[:2]))
        ledger.weigh(use(kernel, *ends[2:]))
        labels = ledger.labels()
        np.testing.assert_array_equal(labels[ends[0]], labels[ends[2]])
        np.testing.assert_array_equal(labels[ends[1]], labels[ends[3]])
        self.assertLen(np.unique(labels), 1 + 2 + 3)
        self.assertLen(ledger.uses(), 1)
        self.assertLen(ledger.events, 2)

    def test_pinned_weight_keeps_both_its_ends_before_and_after(self):
        kernel = weight()
        ledger = events.Ledger([kernel])
        source, target = ledger.fresh((2, 1)), ledger.fresh((1, 3))
        ledger.pin(kernel, "nobody knows")
        ledger.weigh(use(kernel, source, target))
        self.assertFalse(ledger.labels().any())
        self.assertEqual(ledger.why_plain, {id(kernel): "nobody knows"})

    def test_use_counts_what_takes_part(self):
        ids = np.ones((1, 1), int)
        everything = use(weight(), ids, ids)
        self.assertEqual(everything.count(), 6)
        part = events.Use(
            weight(),
            "layer",
            "kernel",
            ids,
            ids,
            alive=np.array([[True], [False]]),
        )
        self.assertEqual(part.count(), 3)


if __name__ == "__main__":
    absltest.main()
