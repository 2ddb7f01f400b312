"""Tests of scales at layers whose weights differ from position to position."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.layers import locally_connected2d
from needle_tf.layers import masked_dense
from needle_tf.ops import conv_geometry
from needle_tf.scales import untied_rules
from tests.oracles import dense_convolution
from tests.oracles import drawn_convolutions
from tests.scales import taken_down

CASES = drawn_convolutions.convolutions()
FREEDOMS = st.sampled_from([("local", None), ("band", 1), ("all", None)])
REACH = {"local": 0, "band": 1, "all": None}


def geometry_of(case):
    return conv_geometry.ConvGeometry.of_convolution(**case.arguments())


def mask_of(case, reach):
    if reach is None:
        return np.ones(geometry_of(case).dense_shape, bool)
    return dense_convolution.mask(case, reach)


class MaskedDenseTest(parameterized.TestCase):
    @hypothesis.given(CASES, FREEDOMS)
    def test_free_entries_lead_from_unit_to_unit(self, case, freedom):
        layer = masked_dense.MaskedDense(geometry_of(case), *freedom)
        found = taken_down.take_down(layer, case.input_shape)
        kernel, bias = found.ledger.uses()
        mask = mask_of(case, REACH[freedom[0]])
        np.testing.assert_array_equal(
            kernel.source, found.inputs[0].ids.reshape(-1, 1)
        )
        np.testing.assert_array_equal(
            kernel.target, found.output.ids.reshape(1, -1)
        )
        np.testing.assert_array_equal(bias.target, kernel.target[0])
        self.assertEqual(kernel.count(), mask.sum())
        self.assertTrue(mask.reshape(-1)[kernel.entries].all())

    @hypothesis.given(CASES, FREEDOMS)
    def test_window_sums_what_the_mask_lets_through(self, case, freedom):
        reach = REACH[freedom[0]]
        window = untied_rules.Window(geometry_of(case), reach)
        values = np.arange(1, geometry_of(case).dense_shape[0] + 1)
        received = window.arriving(values.astype(object)[:, None])
        self.assertEqual(
            received.tolist(), (values[None] @ mask_of(case, reach)).tolist()
        )

    def test_channels_first_is_laid_out_channels_last(self):
        geometry = conv_geometry.ConvGeometry.of_convolution(
            (3, 4, 2), 2, 5, padding="same"
        )
        layer = masked_dense.MaskedDense(geometry, data_format="channels_first")
        found = taken_down.take_down(layer, (2, 3, 4))
        kernel, _ = found.ledger.uses()
        self.assertEqual(found.output.shape, (5, 3, 4))
        np.testing.assert_array_equal(
            kernel.source[:, 0],
            found.inputs[0].ids.transpose(1, 2, 0).reshape(-1),
        )
        np.testing.assert_array_equal(
            kernel.target[0], found.output.ids.transpose(1, 2, 0).reshape(-1)
        )


class LocallyConnectedTest(parameterized.TestCase):
    @hypothesis.given(CASES)
    def test_taps_lead_from_the_pixel_that_they_see(self, case):
        geometry = geometry_of(case)
        layer = locally_connected2d.LocallyConnected2D(
            case.filters,
            case.kernel_size,
            case.strides,
            geometry.keras_padding(),
            dilation_rate=case.dilation_rate,
            groups=case.groups,
        )
        found = taken_down.take_down(layer, case.input_shape)
        kernel, bias = found.ledger.uses()
        # Which kernel entry each dense entry holds, by the oracle.
        shape = geometry.local_shape
        labels = dense_convolution.labels(case)
        rows, columns = np.nonzero(labels >= 0)
        depth, filters = np.unravel_index(
            labels[rows, columns], (shape[1], shape[2])
        )
        source = np.zeros(shape, int)
        inputs = found.inputs[0].ids.reshape(-1)
        source[columns // case.filters, depth, filters] = inputs[rows]
        np.testing.assert_array_equal(
            np.broadcast_to(kernel.source, shape), source
        )
        alive = np.broadcast_to(kernel.alive, shape)
        np.testing.assert_array_equal(alive, source > 0)
        self.assertEqual(kernel.count(), len(rows))
        np.testing.assert_array_equal(
            kernel.target.reshape(-1), found.output.ids.reshape(-1)
        )
        np.testing.assert_array_equal(bias.target, kernel.target.reshape(-1))
        self.assertTrue(alive.reshape(-1)[kernel.entries].all())
        # Every unit that sees a pixel has an entry, and every pixel seen.
        ends = np.broadcast_to(kernel.target, shape).reshape(-1)
        self.assertEqual(
            set(ends[kernel.entries]),
            set(found.output.ids.reshape(-1)[np.unique(columns)]),
        )
        self.assertEqual(
            set(source.reshape(-1)[kernel.entries]),
            set(inputs[np.unique(rows)]),
        )


if __name__ == "__main__":
    absltest.main()
