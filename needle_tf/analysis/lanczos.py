"""Leading eigenvalues of a symmetric map between lists of tensors.

Lanczos with thick restarts and full reorthogonalisation:

    grow:     w = A v_j,  w -= sum_i <v_i, w> v_i (twice),  v_(j+1) = w / |w|
    solve:    T = V^T A V = U diag(theta) U^T,  residual_k = |w| |U[last, k]|
    restart:  V <- V U[:, leading], and go on growing

so a handful of vectors is enough for maps of any size. The vectors stay on the
device; only inner products come to the host.
Reference: Wu & Simon, "Thick-restart Lanczos method for large symmetric
eigenvalue problems", SIAM J. Matrix Anal. Appl. 22 (2000).
"""

import math
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import numpy as np

Vector = list[Any]

ORDERS = ("largest", "smallest", "magnitude")
# Entries of each vector that are summed in float64 at a time.
_CHUNK = 1 << 20
# Of a vector in the span of the basis, rounding leaves less than this; of a
# random one in a larger space, with at most 100 in the basis, more remains.
_NOTHING = 1e-2


class Leading(NamedTuple):
    """What was found.

    Attributes:
        eigenvalues: In the order asked for; fewer than `count` if the space
            has fewer dimensions.
        residuals: `|A y - theta y|` of each; an eigenvalue lies within it.
        vectors: Their unit eigenvectors.
        products: How often the map was applied.
        is_converged: Whether all residuals are within the tolerance.
    """

    eigenvalues: np.ndarray
    residuals: np.ndarray
    vectors: list[Vector]
    products: int
    is_converged: bool


def leading(
    product: Callable[[Vector], Vector],
    draw: Callable[[int], Vector],
    *,
    count: int,
    basis_size: int,
    tolerance: float,
    max_products: int,
    order: str = "largest",
    report: Callable[[], None] | None = None,
) -> Leading:
    """Returns the leading eigenvalues of a map with their vectors.

    Memory: `basis_size` + 2 vectors, besides what `product` takes.

    Args:
        product: The map; symmetric, into the space of `draw`.
        draw: Random vector number k of the space, the same for equal k.
        count: Eigenvalues, at least 1.
        basis_size: Vectors held at a time, more than `count`, at most 100.
        tolerance: Of residuals, as a share of the largest eigenvalue found in
            magnitude.
        max_products: After so many applications the search ends as it is.
        order: One of `ORDERS`.
        report: Called after each application.

    Raises:
        ValueError: If the map gives what is not finite.
    """
    search = _Search(product, draw, basis_size, max_products, report)
    while True:
        search.grow()
        values, turn = search.solve(order)
        size = min(count, len(values))
        residuals = search.rest * np.abs(turn[-1:].ravel())
        scale = np.abs(values).max(initial=0.0)
        is_complete = size == count or search.is_exhausted
        is_converged = is_complete and bool(
            np.all(residuals[:size] <= tolerance * scale)
        )
        if search.is_exhausted or is_converged or search.is_spent():
            search.turn(turn[:, :size], values[:size])
            return Leading(
                values[:size],
                residuals[:size],
                search.vectors(),
                search.products,
                is_converged,
            )
        # A few more than asked for make the next round converge faster.
        kept = min(count + (basis_size - count) // 2, len(values) - 1)
        search.turn(turn[:, :kept], values[:kept])


class _Search:
    """The basis, the map within it, and what of the map leads out of it."""

    def __init__(self, product, draw, basis_size, max_products, report):
        self.basis = None
        self.size = 0
        self.products = 0
        self.rest = 0.0
        self.is_exhausted = False
        self._product = product
        self._draw = draw
        self._draws = 0
        self._max_products = max_products
        self._report = report
        self._within = np.zeros((basis_size, basis_size))
        self._next = None

    def is_spent(self):
        return self.products >= self._max_products

    def grow(self):
        """Fills the basis as far as space and products allow."""
        if self._next is None and not self.is_exhausted:
            self._begin_anew()
        while (
            self._next is not None
            and self.size < len(self._within)
            and not self.is_spent()
        ):
            last = self.size
            self.basis.append(self._next)
            self.size += 1
            image = self._product(self._next)
            self._next = None
            self.products += 1
            if self._report is not None:
                self._report()
            before = _norm(image)
            if not math.isfinite(before):
                raise ValueError(
                    "The map must give finite vectors. Received one of norm "
                    f"{before} after {self.products} products. Weights or "
                    "data near the range of their type overflow."
                )
            image, shares = self.basis.without(image)
            self._within[: last + 1, last] = shares
            self._within[last, : last + 1] = shares
            self.rest = _norm(image)
            if self.rest <= _rounding(image) * before:
                self.rest = 0.0
                self._begin_anew()
            else:
                self._next = _scaled(image, 1 / self.rest)

    def solve(self, order):
        """Eigenvalues within the basis, leading first, and their vectors."""
        values, turn = np.linalg.eigh(self._within[: self.size, : self.size])
        key = {
            "largest": -values,
            "smallest": values,
            "magnitude": -np.abs(values),
        }[order]
        places = np.argsort(key, kind="stable")
        return values[places], turn[:, places]

    def turn(self, turn: np.ndarray, values: np.ndarray) -> None:
        """Turns the basis into eigenvectors of the map within it."""
        if turn.size:
            self.basis.turn(turn)
        self.size = len(values)
        self._within[:] = 0
        np.fill_diagonal(self._within[: self.size, : self.size], values)

    def vectors(self):
        return [self.basis.vector(place) for place in range(self.size)]

    def _begin_anew(self):
        """Goes on with a fresh random vector, if there is room for one."""
        fresh = self._draw(self._draws)
        self._draws += 1
        if self.basis is None:
            self.basis = _Basis([part.shape for part in fresh])
        before = _norm(fresh)
        if before > 0:
            fresh = _scaled(fresh, 1 / before)
            fresh, _ = self.basis.without(fresh)
            left = _norm(fresh)
            if left > _NOTHING:
                self._next = _scaled(fresh, 1 / left)
                return
        self.is_exhausted = True


class _Basis:
    """Orthonormal vectors, each as flat tensors.

    Tensors are never written to: TensorFlow copies a variable whole at each
    read once a part of it has been assigned.
    """

    def __init__(self, shapes):
        self._shapes = shapes
        self._parts = [[] for _ in shapes]

    def append(self, vector):
        for rows, part in zip(self._parts, _flat(vector), strict=True):
            rows.append(part)

    def vector(self, place):
        import tensorflow as tf

        return [
            tf.reshape(rows[place], shape)
            for rows, shape in zip(self._parts, self._shapes, strict=True)
        ]

    def without(self, vector):
        """A vector off all of the basis, and its inner products with it."""
        import tensorflow as tf

        size = len(self._parts[0])
        parts, total = _flat(vector), np.zeros(size)
        for _ in range(2 if size else 0):  # "Twice is enough" (Kahan).
            shares = sum(map(_inner_products, self._parts, parts))
            total += shares.numpy()
            for place, rows in enumerate(self._parts):
                factors = tf.unstack(tf.cast(shares, rows[0].dtype))
                for row, factor in zip(rows, factors, strict=True):
                    parts[place] -= factor * row
        parts = [
            tf.reshape(part, shape)
            for part, shape in zip(parts, self._shapes, strict=True)
        ]
        return parts, total

    def turn(self, turn):
        """Makes the vectors `turn.T @ vectors`, by reflections: in place."""
        left, count = turn.copy(), turn.shape[1]
        for first in range(count):
            mirror = left[first:, first].copy()
            mirror[0] += np.copysign(np.linalg.norm(mirror), mirror[0])
            mirror /= np.linalg.norm(mirror)
            left[first:, first:] -= 2 * np.outer(
                mirror, mirror @ left[first:, first:]
            )
            for rows in self._parts:
                _reflect(rows, first, mirror)
        # What is left of an orthonormal matrix: 1 and -1 on the diagonal.
        for rows in self._parts:
            del rows[count:]
            for place in range(count):
                if left[place, place] < 0:
                    rows[place] = -rows[place]


def _reflect(rows, first, mirror):
    import tensorflow as tf

    factors = tf.unstack(tf.constant(mirror, rows[0].dtype))
    normal = tf.zeros_like(rows[0])
    for place, factor in enumerate(factors, start=first):
        normal += factor * rows[place]
    for place, factor in enumerate(factors, start=first):
        rows[place] -= 2 * factor * normal


def _inner_products(rows, part):
    """Those of flat tensors with one more, summed in float64."""
    import tensorflow as tf

    total = tf.zeros(len(rows), tf.float64)
    for start in range(0, part.shape[0], _CHUNK):
        piece = slice(start, start + _CHUNK)
        wide = tf.cast(tf.stack([row[piece] for row in rows]), tf.float64)
        other = tf.cast(part[piece], tf.float64)
        total += tf.linalg.matvec(wide, other)
    return total


def _flat(vector):
    import tensorflow as tf

    return [tf.reshape(part, (-1,)) for part in vector]


def _norm(vector):
    squares = (_inner_products([part], part) for part in _flat(vector))
    return float(sum(squares)[0]) ** 0.5


def _scaled(vector, factor):
    import tensorflow as tf

    return [tf.constant(factor, part.dtype) * part for part in vector]


def _rounding(vector):
    """What rounding alone may leave of a vector of length 1."""
    return 10 * max(np.finfo(part.dtype.as_numpy_dtype).eps for part in vector)
