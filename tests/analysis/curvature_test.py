"""Tests of the curvature, against the Hessian as a matrix in float64."""

import json

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import curvature
from tests.analysis import relaxed_networks
from tests.oracles import curvature as oracle
from tests.oracles import dense_convolution

COUNT = 2
# Errors of eigenvalues are of the order of the square of the residual.
EXACT = {"tolerance": 1e-3, "loss": relaxed_networks.LOSS}
SPACES = ("all", "cnn", "not_cnn")


def bases(sizes):
    """An orthonormal basis of each space, from labels of the weights."""
    labels = dense_convolution.labels(relaxed_networks.CONVOLUTION).ravel()
    positions = np.prod(relaxed_networks.CONVOLUTION.output_shape[:2])
    # Numbers of their own for bias channels and for each plain weight.
    bias = labels.max() + 1 + np.tile(np.arange(2), positions)
    plain = bias.max() + 1 + np.arange(sizes[2] + sizes[3])
    cnn = oracle.shared_basis(np.concatenate([labels, bias, plain]))
    return {
        "all": np.eye(sum(sizes)),
        "cnn": cnn,
        "not_cnn": oracle.complement(cnn),
    }


class AgainstMatrixTest(parameterized.TestCase):
    """The matrix is made once for all tests, and measured once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = relaxed_networks.relaxed(dtype="float64")
        cls.data = images, labels = relaxed_networks.data(dtype="float64")
        weights = [np.asarray(w) for w in cls.model.trainable_weights]
        cls.sizes = [weight.size for weight in weights]
        flat = images.reshape(len(images), -1)
        cls.loss, gradient = oracle.loss_and_gradient(weights, flat, labels)
        cls.gradient = np.concatenate([np.ravel(part) for part in gradient])
        cls.matrix = oracle.hessian(weights, flat, labels)
        cls.bases = bases(cls.sizes)
        cls.found = curvature.curvature(
            cls.model,
            cls.data,
            count=COUNT,
            spaces=SPACES,
            layers=["conv"],
            **EXACT,
        )

    def check(self, spectrum, expected):
        self.assertTrue(spectrum.is_converged)
        np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=1e-5)

    @parameterized.parameters(*SPACES)
    def test_each_space_has_the_eigenvalues_of_its_matrix(self, space):
        basis = self.bases[space]
        expected = oracle.within(self.matrix, basis)[:COUNT]
        self.check(self.found.spaces[space], expected)
        self.assertAlmostEqual(
            self.found.gradient_norms[space],
            np.linalg.norm(basis.T @ self.gradient),
            places=12,
        )

    def test_layer_has_the_eigenvalues_of_its_block(self):
        block = slice(0, sum(self.sizes[:2]))
        gradient = self.gradient[block]
        expected = oracle.within(
            self.matrix[block, block], np.eye(len(gradient))
        )
        self.check(self.found.layers["conv"], expected[:COUNT])
        self.assertAlmostEqual(
            self.found.layer_gradient_norms["conv"],
            np.linalg.norm(gradient),
            places=12,
        )

    def test_loss_and_gradient_are_those_of_the_oracle(self):
        self.assertAlmostEqual(self.found.loss, self.loss.real, places=12)
        norm = np.linalg.norm(self.gradient)
        self.assertAlmostEqual(self.found.gradient_norm, norm, places=12)
        self.assertEqual(
            list(self.found.layer_gradient_norms), ["conv", "logits"]
        )

    def test_share_of_eigenvectors_in_the_cnn_subspace(self):
        _, vectors = np.linalg.eigh(self.matrix)
        inside = self.bases["cnn"].T @ vectors[:, : -COUNT - 1 : -1]
        np.testing.assert_allclose(
            self.found.spaces["all"].cnn_shares,
            np.sum(inside**2, axis=0),
            atol=1e-2,
        )
        for space, share in (("cnn", 1), ("not_cnn", 0)):
            np.testing.assert_allclose(
                self.found.spaces[space].cnn_shares, share, atol=1e-12
            )

    def test_result_is_plain_json(self):
        read = json.loads(self.found.to_json())
        self.assertEqual(read["gradient_norm"], self.found.gradient_norm)
        self.assertEqual(
            read["layers"]["conv"]["eigenvalues"],
            list(self.found.layers["conv"].eigenvalues),
        )

    def test_most_negative_eigenvalue_in_float32(self):
        model = relaxed_networks.relaxed()
        model.set_weights(self.model.get_weights())
        images, labels = self.data
        data = images.astype("float32"), labels
        found = curvature.curvature(model, data, order="smallest", **EXACT)
        lowest = oracle.within(self.matrix, self.bases["all"])[-1]
        self.assertLess(lowest, -1e-3)
        self.assertTrue(found.spaces["all"].is_converged)
        np.testing.assert_allclose(
            found.spaces["all"].eigenvalues, [lowest], rtol=1e-4
        )


class CurvatureTest(parameterized.TestCase):
    def test_any_network_is_measured_and_left_as_it_was(self):
        model = relaxed_networks.two_layers()
        before = relaxed_networks.weights_of(model)
        told = []
        found = curvature.curvature(
            model,
            relaxed_networks.data(6, (6, 6, 1)),
            spaces=["all"],
            layers=["inner/second", "norm"],
            max_products=3,
            basis_size=2,
            progress=lambda *numbers: told.append(numbers),
        )
        self.assertEqual(list(found.layers), ["inner/second", "norm"])
        self.assertGreater(found.spaces["all"].eigenvalues[0], 0)
        # A search that runs out of products says so.
        self.assertFalse(found.spaces["all"].is_converged)
        self.assertEqual(found.spaces["all"].products, 3)
        spectra = [*found.spaces.values(), *found.layers.values()]
        done = sum(each.products for each in spectra)
        self.assertEqual(told, [(k, 9) for k in range(1, done + 1)])
        for old, now in zip(
            before, relaxed_networks.weights_of(model), strict=True
        ):
            np.testing.assert_array_equal(old, now)

    def test_plain_cnn_has_a_spectrum_but_no_subspaces(self):
        model = relaxed_networks.cnn()
        data = relaxed_networks.data()
        found = curvature.curvature(
            model, data, max_products=2, loss=relaxed_networks.LOSS
        )
        self.assertAlmostEqual(found.spaces["all"].cnn_shares[0], 1.0, places=6)
        with self.assertRaisesRegex(ValueError, "no untied layer.*conv"):
            curvature.curvature(
                model, data, spaces=["cnn"], loss=relaxed_networks.LOSS
            )

    @parameterized.parameters(
        ({"count": 0}, "`count` must be an integer from 1"),
        ({"basis_size": 1}, "`basis_size` must be an integer from 2 to 100"),
        ({"order": "LA"}, "`order` must be one of.*largest.*Received.*LA"),
        ({"tolerance": 0.0}, "`tolerance` must be above 0.*Received.*0.0"),
        ({"max_products": 0}, "`max_products` must be an integer of at least"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"spaces": "all"}, r"`spaces` must be several.*spaces=\['all'\]"),
        ({"spaces": ["fcn"]}, "`space` must be one of.*space='fcn'"),
        ({"layers": ["flatten"]}, r"\['flatten'\].*\['conv', 'logits'\]"),
        ({"loss": None}, "needs one loss"),
    )
    def test_wrong_arguments_are_refused(self, wrong, message):
        options = {"loss": relaxed_networks.LOSS, **wrong}
        with self.assertRaisesRegex(ValueError, message):
            curvature.curvature(
                relaxed_networks.unchanged(), relaxed_networks.data(), **options
            )

    def test_network_that_has_diverged_is_refused(self):
        model = relaxed_networks.relaxed()
        bias = model.get_layer("logits").bias
        bias.assign([np.nan] * 3)
        with self.assertRaisesRegex(ValueError, "diverged.*loss=nan.*earlier"):
            curvature.curvature(
                model, relaxed_networks.data(), loss=relaxed_networks.LOSS
            )

    def test_trained_layers_leave_out_what_is_frozen(self):
        model = relaxed_networks.two_layers()
        self.assertEqual(
            list(curvature.trained_layers(model)),
            ["first", "norm", "inner/second", "logits"],
        )
        model.get_layer("norm").trainable = False
        self.assertEqual(
            list(curvature.trained_layers(model)),
            ["first", "inner/second", "logits"],
        )
        self.assertIsInstance(
            curvature.trained_layers(model)["logits"][0], keras.Variable
        )


if __name__ == "__main__":
    absltest.main()
