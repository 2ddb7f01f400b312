"""Critical points that only the weights have: zero gradient, not a minimum.

The smallest network with two hidden units, without biases,

    f(x) = w_1 relu(u_1 x) + w_2 relu(u_2 x),    u_1 > 0 > u_2 or 0,

has four weights and two paths, of values v_1 = u_1 w_1 and v_2 = u_2 w_2: every
path is a basis path, and m - H = 2. Its loss is a sum of one parabola in each
path value. In the weights, each unit that is switched off (u_k = w_k = 0) has
no gradient either: of the 2 x 2 kinds of points without gradient in the weights
only one has none in the path values.

Reference: Meng et al., arXiv:1802.03713: the class space has fewer critical
points than the weights.
"""

import dataclasses
import itertools

import numpy as np


@dataclasses.dataclass(frozen=True)
class CriticalPoint:
    """A kind of points where the gradient by the weights is 0.

    Attributes:
        weights: One of them, (u_1, w_1, u_2, w_2).
        path_values: (v_1, v_2) of all of them.
        loss: Their loss.
        weight_gradient: Norm of the gradient by the weights there.
        path_gradient: dL/dv there, `(2,)`.
    """

    weights: tuple[float, float, float, float]
    path_values: tuple[float, float]
    loss: float
    weight_gradient: float
    path_gradient: tuple[float, float]

    @property
    def is_spurious(self) -> bool:
        """Whether path values could still be improved."""
        return bool(np.linalg.norm(self.path_gradient) > 1e-9)


@dataclasses.dataclass(frozen=True)
class TwoUnits:
    """The two-unit network on data: its loss by weights and by path values.

    Args:
        inputs: x, `(examples,)`, some of either sign.
        targets: y, `(examples,)`.
    """

    inputs: np.ndarray
    targets: np.ndarray

    def loss(self, weights: np.ndarray) -> np.ndarray:
        """Returns the mean squared error over 2, for weights `(..., 4)`."""
        weights = np.asarray(weights, float)[..., None]
        first_in, first_out, second_in, second_out = np.moveaxis(weights, -2, 0)
        outputs = first_out * np.maximum(first_in * self.inputs, 0)
        outputs = outputs + second_out * np.maximum(second_in * self.inputs, 0)
        return np.mean((outputs - self.targets) ** 2, axis=-1) / 2

    def loss_of_paths(self, path_values: np.ndarray) -> np.ndarray:
        """Returns the same for path values `(..., 2)`.

        The first unit sees x > 0 and the second x < 0.
        """
        path_values = np.asarray(path_values, float)[..., None]
        first, second = np.moveaxis(path_values, -2, 0)
        outputs = first * np.maximum(self.inputs, 0)
        outputs = outputs + second * np.minimum(self.inputs, 0)
        return np.mean((outputs - self.targets) ** 2, axis=-1) / 2

    def weight_gradient(self, weights: np.ndarray) -> np.ndarray:
        """Returns dL/dw, `(4,)`; that of ReLU at 0 is 0."""
        first_in, first_out, second_in, second_out = weights
        gradient = []
        error = self._outputs(weights) - self.targets
        for u, w in ((first_in, first_out), (second_in, second_out)):
            active = (u * self.inputs > 0) * self.inputs
            gradient += [
                np.mean(error * w * active),
                np.mean(error * np.maximum(u * self.inputs, 0)),
            ]
        return np.array(gradient)

    def path_gradient(self, path_values: np.ndarray) -> np.ndarray:
        """Returns dL/dv, `(2,)`."""
        parts = self._parts()
        error = np.asarray(path_values) @ parts - self.targets
        return parts @ error / len(self.inputs)

    def best_paths(self) -> np.ndarray:
        """Returns the path values of the least loss, `(2,)`."""
        found, *_ = np.linalg.lstsq(self._parts().T, self.targets, rcond=None)
        return found

    def critical_points(self) -> list[CriticalPoint]:
        """Returns the four kinds of points where dL/dw is 0."""
        best = self.best_paths()
        found = []
        for kept in itertools.product((True, False), repeat=2):
            values = np.where(kept, best, 0.0)
            weights = []
            for value, sign in zip(values, (1, -1), strict=True):
                size = np.sqrt(abs(value))
                weights += [sign * size, sign * np.sign(value) * size]
            found.append(
                CriticalPoint(
                    tuple(float(weight) for weight in weights),
                    tuple(float(value) for value in values),
                    float(self.loss(np.array(weights))),
                    float(np.linalg.norm(self.weight_gradient(weights))),
                    tuple(float(g) for g in self.path_gradient(values)),
                )
            )
        return found

    def _parts(self):
        """What each path passes on of the inputs, `(2, examples)`."""
        return np.stack(
            [np.maximum(self.inputs, 0), np.minimum(self.inputs, 0)]
        )

    def _outputs(self, weights):
        first_in, first_out, second_in, second_out = weights
        return first_out * np.maximum(
            first_in * self.inputs, 0
        ) + second_out * np.maximum(second_in * self.inputs, 0)


def example(count: int = 201, seed: int = 0) -> TwoUnits:
    """Returns the network on noisy data from v = (1, 0.6)."""
    inputs = np.linspace(-2, 2, count)
    rng = np.random.default_rng(seed)
    targets = np.where(inputs > 0, 1.0, 0.6) * inputs
    return TwoUnits(inputs, targets + 0.1 * rng.normal(size=count))
