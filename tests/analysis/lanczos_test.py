"""Tests of the search for eigenvalues, against LAPACK."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies as st

from needle_tf.analysis import lanczos


class Matrix:
    """A symmetric matrix as a map between lists of two tensors."""

    def __init__(self, matrix, dtype="float64", seed=0):
        self.matrix = np.asarray(matrix)
        self._dtype = dtype
        self._seed = seed
        # Cut where there is something to cut; one part may be empty.
        self._cut = len(self.matrix) // 3

    def parts(self, flat):
        pieces = np.split(flat.astype(self._dtype), [self._cut])
        return [
            keras.ops.convert_to_tensor(pieces[0]),
            keras.ops.convert_to_tensor(pieces[1].reshape(1, -1)),
        ]

    def flat(self, vector):
        return np.concatenate([np.ravel(part) for part in vector])

    def product(self, vector):
        return self.parts(self.matrix @ self.flat(vector))

    def draw(self, number):
        rng = np.random.default_rng([self._seed, number])
        return self.parts(rng.normal(size=len(self.matrix)))

    def leading(self, count, basis_size=None, **options):
        options = {"tolerance": 1e-9, "max_products": 2000, **options}
        return lanczos.leading(
            self.product,
            self.draw,
            count=count,
            basis_size=basis_size or count + 4,
            **options,
        )


def symmetric(values, seed=0):
    """A random matrix of these eigenvalues."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return (turn * np.asarray(values)) @ turn.T


def ordered(values, order):
    key = {
        "largest": lambda value: -value,
        "smallest": lambda value: value,
        "magnitude": lambda value: -abs(value),
    }[order]
    return sorted(np.asarray(values).tolist(), key=key)


class LanczosTest(parameterized.TestCase):
    @given(
        st.integers(1, 8),
        st.integers(1, 3),
        st.integers(0, 1000),
        st.sampled_from(lanczos.ORDERS),
    )
    def test_eigenvalues_are_those_of_the_matrix(
        self, size, count, seed, order
    ):
        values = np.random.default_rng(seed).normal(size=size)
        found = Matrix(symmetric(values, seed)).leading(
            count, order=order, tolerance=1e-6
        )
        self.assertTrue(found.is_converged)
        expected = ordered(values, order)[:count]
        np.testing.assert_allclose(found.eigenvalues, expected, atol=1e-7)

    @parameterized.parameters("largest", "smallest", "magnitude")
    def test_vectors_and_residuals_belong_to_the_eigenvalues(self, order):
        values = np.concatenate([[9, 5, 4, -7, -4, -3], np.linspace(-1, 1, 20)])
        matrix = Matrix(symmetric(values))
        found = matrix.leading(3, order=order, tolerance=1e-4)
        self.assertTrue(found.is_converged)
        vectors = np.stack([matrix.flat(v) for v in found.vectors], axis=1)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-12)
        rests = matrix.matrix @ vectors - vectors * found.eigenvalues
        np.testing.assert_allclose(
            np.linalg.norm(rests, axis=0), found.residuals, atol=1e-8
        )
        self.assertLess(found.residuals.max(), 1e-4 * 9.1)

    def test_restarts_find_what_a_small_basis_cannot_hold(self):
        values = np.linspace(0, 1, 25) ** 3
        matrix = Matrix(symmetric(values))
        found = matrix.leading(2, basis_size=4, tolerance=1e-4)
        self.assertGreater(found.products, 8)
        np.testing.assert_allclose(found.eigenvalues, values[:-3:-1], atol=1e-7)
        # More vectors take fewer products.
        larger = matrix.leading(2, basis_size=12, tolerance=1e-4)
        self.assertLess(larger.products, found.products)

    def test_eigenvalue_that_occurs_often_is_found_as_often(self):
        matrix = Matrix(symmetric([3.0] * 4 + [1.0] * 5))
        found = matrix.leading(5, basis_size=9)
        np.testing.assert_allclose(found.eigenvalues, [3, 3, 3, 3, 1])
        self.assertTrue(found.is_converged)

    @parameterized.parameters(0.0, 2.0)
    def test_multiple_of_the_identity_is_no_trouble(self, value):
        found = Matrix(value * np.eye(6)).leading(2)
        np.testing.assert_allclose(found.eigenvalues, [value] * 2)
        self.assertTrue(found.is_converged)

    def test_small_space_gives_all_that_it_has(self):
        matrix = Matrix(np.diag([1.0, 2.0, 3.0, 4.0]))
        keep = np.diag([1.0, 0.0, 1.0, 0.0])
        inside = lanczos.leading(
            lambda v: matrix.parts(keep @ matrix.matrix @ matrix.flat(v)),
            lambda k: matrix.parts(keep @ matrix.flat(matrix.draw(k))),
            count=3,
            basis_size=6,
            tolerance=1e-9,
            max_products=50,
        )
        np.testing.assert_allclose(inside.eigenvalues, [3, 1])
        self.assertLen(inside.vectors, 2)
        self.assertTrue(inside.is_converged)
        empty = lanczos.leading(
            matrix.product,
            lambda k: matrix.parts(np.zeros(4)),
            count=1,
            basis_size=3,
            tolerance=1e-9,
            max_products=50,
        )
        self.assertEmpty(empty.eigenvalues)
        self.assertEqual(empty.products, 0)

    @parameterized.parameters(1, 3, 7)
    def test_search_ends_after_so_many_products(self, most):
        reports = []
        matrix = Matrix(symmetric(np.linspace(0, 1, 60)))
        found = matrix.leading(
            2,
            basis_size=5,
            max_products=most,
            report=lambda: reports.append(1),
        )
        self.assertFalse(found.is_converged)
        self.assertEqual(found.products, most)
        self.assertLen(reports, most)
        self.assertLen(found.eigenvalues, min(2, most))
        # What was found lies within its residual of an eigenvalue.
        for value, residual in zip(
            found.eigenvalues, found.residuals, strict=True
        ):
            apart = np.abs(np.linspace(0, 1, 60) - value).min()
            self.assertLessEqual(apart, residual + 1e-12)

    @parameterized.parameters(np.nan, np.inf)
    def test_map_that_overflows_is_refused(self, value):
        matrix = Matrix(np.eye(6))
        matrix.product = lambda vector: matrix.parts(np.full(6, value))
        with self.assertRaisesRegex(ValueError, "finite.*after 1 products"):
            matrix.leading(2)

    def test_float32_reaches_its_own_accuracy(self):
        values = np.concatenate([[50, 20], np.linspace(-1, 1, 60)])
        matrix = Matrix(symmetric(values), dtype="float32")
        found = matrix.leading(2, tolerance=1e-5)
        self.assertTrue(found.is_converged)
        np.testing.assert_allclose(found.eigenvalues, [50, 20], rtol=1e-5)

    def test_same_seed_gives_the_same_numbers(self):
        matrix = symmetric(np.linspace(0, 1, 40))
        one, same, other = (
            Matrix(matrix, seed=seed).leading(2, tolerance=0.1).eigenvalues
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(one, same)
        self.assertGreater(np.abs(one - other).max(), 0)


if __name__ == "__main__":
    absltest.main()
