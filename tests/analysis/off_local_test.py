"""Tests of the images of what units look at."""

import json
import os

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import off_local
from needle_tf.embedding import convert
from tests.analysis import relaxed_networks
from tests.oracles import dense_convolution
from tests.oracles import subspace as oracle

CONVOLUTION = relaxed_networks.CONVOLUTION
LABELS = dense_convolution.labels(CONVOLUTION)


def columns(model, units):
    """Images of the columns of the kernel: all, and the off-local part."""
    dense = keras.ops.convert_to_numpy(model.get_layer("conv").kernel)
    outside = dense - oracle.project_local(dense, LABELS)
    whole = [
        matrix.reshape(*CONVOLUTION.input_shape, *CONVOLUTION.output_shape)
        for matrix in (dense, outside)
    ]
    return tuple(
        np.stack([blocks[..., i, j, f] for i, j, f in units])
        for blocks in whole
    )


class OffLocalTest(parameterized.TestCase):
    def test_images_are_the_columns_of_the_kernel(self):
        model = relaxed_networks.unchanged()
        units = [(0, 0, 0), (1, 1, 1), (1, 2, 0)]
        found = off_local.off_local(model, units=units)
        self.assertEqual(found.layer, "conv")
        self.assertEqual(found.units, tuple(units))
        images, outside = columns(model, units)
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_allclose(found.outside, outside, atol=1e-7)
        np.testing.assert_allclose(
            found.norms,
            np.linalg.norm(outside.reshape(3, -1), axis=1),
            rtol=1e-5,
        )

    def test_units_of_the_largest_norms_come_first(self):
        model = relaxed_networks.unchanged()
        shape = CONVOLUTION.output_shape
        every = [tuple(map(int, unit)) for unit in np.ndindex(*shape)]
        _, outside = columns(model, every)
        norms = np.linalg.norm(outside.reshape(len(every), -1), axis=1)
        order = np.argsort(-norms)
        found = off_local.off_local(model, count=4)
        self.assertEqual(found.units, tuple(every[k] for k in order[:4]))
        np.testing.assert_allclose(found.norms, norms[order[:4]], rtol=1e-5)
        more = off_local.off_local(model, count=99)
        self.assertLen(more.units, len(every))

    def test_positions_take_their_strongest_channel(self):
        model = relaxed_networks.unchanged()
        found = off_local.off_local(model, positions=[(0, 1), (1, 2)])
        for (i, j), unit, norm in zip(
            [(0, 1), (1, 2)], found.units, found.norms, strict=True
        ):
            _, outside = columns(model, [(i, j, 0), (i, j, 1)])
            norms = np.linalg.norm(outside.reshape(2, -1), axis=1)
            self.assertEqual(unit, (i, j, int(np.argmax(norms))))
            self.assertAlmostEqual(norm, norms.max(), places=5)

    def test_window_is_where_local_weights_lie(self):
        convolution = dense_convolution.Convolution(
            (7, 8, 1), (3, 2), 1, strides=(2, 1), padding="same"
        )
        model = convert.embed(
            keras.Sequential(
                [
                    keras.Input(convolution.input_shape),
                    keras.layers.Conv2D(
                        1,
                        convolution.kernel_size,
                        strides=convolution.strides,
                        padding="same",
                        kernel_initializer="ones",
                    ),
                ]
            )
        )
        shape = convolution.output_shape
        units = [tuple(map(int, unit)) for unit in np.ndindex(*shape)]
        found = off_local.off_local(model, units=units)
        for image, window in zip(found.images, found.windows, strict=True):
            top, left, bottom, right = window
            self.assertEqual((bottom - top, right - left), (3, 2))
            inside = np.zeros(image.shape)
            inside[max(top, 0) : bottom, max(left, 0) : right] = 1
            np.testing.assert_array_equal(image, inside)
        # The padding above and to the right is part of the window.
        self.assertEqual(found.windows[0], (-1, 0, 2, 2))
        self.assertEqual(found.windows[-1], (5, 7, 8, 9))

    def test_reference_is_subtracted_whatever_its_form(self):
        cnn = relaxed_networks.cnn()
        model = relaxed_networks.unchanged()
        units = [(1, 1, 0), (0, 2, 1)]
        ours, _ = columns(model, units)
        theirs, _ = columns(convert.embed(cnn), units)
        for reference in (
            cnn,
            convert.embed(cnn),
            convert.embed(cnn, "lcn"),
            convert.embed(cnn, "band", radius=1),
        ):
            found = off_local.off_local(model, units=units, reference=reference)
            np.testing.assert_allclose(found.images, ours - theirs, atol=1e-6)
        itself = off_local.off_local(model, units=units, reference=model)
        self.assertEqual(np.abs(itself.images).max(), 0)

    def test_first_layer_with_off_local_weights_is_taken(self):
        model = relaxed_networks.two_layers()
        self.assertEqual(off_local.off_local(model).layer, "first")
        found = off_local.off_local(model, layer="inner/second", count=2)
        self.assertEqual(found.layer, "inner/second")
        self.assertEqual(found.images.shape, (2, 4, 4, 2))
        second = convert.embed(relaxed_networks.cnn(), "band", radius=0)
        with self.assertRaisesRegex(ValueError, "outside the receptive fields"):
            off_local.off_local(second)

    def test_fcn_from_scratch_has_images_too(self):
        fcn = convert.embed(relaxed_networks.cnn(), copy_weights=False)
        found = off_local.off_local(fcn, count=3)
        self.assertGreater(min(found.norms), 0)

    def test_file_and_json_hold_what_was_found(self):
        found = off_local.off_local(relaxed_networks.unchanged(), count=2)
        path = os.path.join(self.create_tempdir().full_path, "pictures.npz")
        found.save(path)
        with np.load(path) as content:
            self.assertEqual(str(content["layer"]), "conv")
            for name in ("units", "windows", "norms", "images", "outside"):
                np.testing.assert_array_equal(
                    content[name], getattr(found, name)
                )
        read = json.loads(found.to_json())
        self.assertEqual(read["units"], [list(unit) for unit in found.units])
        self.assertEqual(read["norms"], list(found.norms))

    @parameterized.parameters(
        ({"units": [(3, 0, 0)]}, r"`units`.*\(i, j, f\).*\(2, 3, 2\).*3, 0, 0"),
        ({"units": [(-1, 0, 0)]}, "`units` must be a sequence"),
        ({"units": [(0, 0)]}, "`units` must be a sequence"),
        ({"units": [(0.5, 0, 0)]}, "`units` must be a sequence"),
        ({"units": []}, "`units` must be a sequence"),
        ({"positions": [(0, 3)]}, r"`positions`.*\(i, j\).*\(2, 3\)"),
        (
            {"units": [(0, 0, 0)], "positions": [(0, 0)]},
            "exclude each other",
        ),
        ({"count": 0}, "`count` must be an integer of at least 1"),
        ({"layer": "logits"}, r"layer='logits'.*\['conv'\]"),
    )
    def test_wrong_arguments_are_refused(self, wrong, message):
        with self.assertRaisesRegex(ValueError, message):
            off_local.off_local(relaxed_networks.unchanged(), **wrong)

    def test_references_that_do_not_fit_are_refused(self):
        model = relaxed_networks.unchanged()
        other = keras.Sequential(
            [keras.Input((4, 4, 2)), keras.layers.Conv2D(2, 2, name="conv")]
        )
        named = keras.Sequential(
            [keras.Input((4, 4, 2)), keras.layers.Conv2D(2, (3, 2), name="c")]
        )
        for reference, message in (
            (other, r"same geometry.*kernel_size=\(2, 2\)"),
            (named, r"no such layer.*\['c'\]"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                off_local.off_local(model, reference=reference)
        with self.assertRaisesRegex(ValueError, "no untied layer"):
            off_local.off_local(relaxed_networks.cnn())


if __name__ == "__main__":
    absltest.main()
