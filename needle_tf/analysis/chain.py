"""A chain of networks between two, each trained and held by its neighbours.

Point i of a chain w_0, ..., w_{N-1} with fixed ends moves in each step by

    w_i <- w_i + rate * F(w_{i-1}, w_i, w_{i+1}, gradient of the loss at w_i)

where all forces F are taken at the points before the step, and all points see
the same batch and drop the same units. `elastic_string` and `elastic_band`
differ in F.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import in_one_space
from needle_tf.analysis import interpolation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import path_meter
from needle_tf.analysis import trained_path
from needle_tf.analysis import weight_state
from needle_tf.data import arguments

Tensor = Any
Weights = Sequence[Tensor]
# (before, here, after, gradients, stiffness) -> one force per weight.
Forces = Callable[[Weights, Weights, Weights, Weights, float], Iterator[Tensor]]

# Networks are measured in batches of at least so many, for speed.
_LEAST_BATCH = 500


class Chain:
    """Points on the line between two networks, ready to be trained.

    Memory: `points - 2` copies of the trainable weights on the host. On the
    device, besides the two models, about eight for a string and eleven for a
    band, however many points: a point, its neighbours, its gradient, where it
    moves, and what its forces are made of.

    What is not trained, frozen weights and statistics, stays on the line.

    Args:
        space: The two ends.
        loss: As of `Evaluator`.
        settings: How it is trained.

    Attributes:
        points: The trainable weights of the inner points, as arrays in the
            order of `space.first.trainable_variables`.
        epochs: One `ChainEpoch` for each epoch that was trained.
        traces: How often a step was traced.
    """

    def __init__(
        self,
        space: in_one_space.OneSpace,
        loss: Any,
        settings: trained_path.ChainSettings,
    ):
        self.traces = 0
        self.epochs: list[trained_path.ChainEpoch] = []
        self._settings = settings
        self._model = space.first
        self._loss = evaluation.example_loss(space.first, loss)
        self._line = interpolation.Ends(space)
        self._ends = [
            self._split(state)[0]
            for state in (self._line.first, self._line.second)
        ]
        self._steps: dict[str, Callable] = {}
        inner = range(1, settings.points - 1)
        self.points: list[list[np.ndarray]] = [
            [
                ops.convert_to_numpy(value)
                for value in self._split(self._on_line(number))[0]
            ]
            for number in inner
        ]

    def train(
        self,
        forces: Forces,
        data: Any,
        progress: path_meter.Progress | None = None,
    ) -> None:
        """Trains the inner points for the epochs of the settings.

        Args:
            forces: What moves a point.
            data: Training data as of `Evaluator.evaluate`.
            progress: Called as `progress(epochs done, epochs)`.

        Raises:
            ValueError: If the loss of a point is no longer finite.
        """
        settings = self._settings
        data = labelled_data.LabelledData.of(data, settings.batch_size)
        others = [
            self._split(self._on_line(number))[1]
            for number in range(1, settings.points - 1)
        ]
        for epoch in range(settings.epochs):
            sums = np.zeros(len(self.points))
            batches = 0
            for x, y in data.shuffled(settings.seed, epoch):
                seeds = np.random.default_rng([settings.seed, epoch, batches])
                self._seed(others, seeds)
                sums += self._step(forces, others, x, y)
                batches += 1
                self._check(sums, epoch)
            losses = sums / max(batches, 1)
            self.epochs.append(
                trained_path.ChainEpoch(
                    float(losses.mean()), float(losses.max())
                )
            )
            if progress is not None:
                progress(epoch + 1, settings.epochs)

    def states(self, between: int = 0) -> Iterator[list[Tensor]]:
        """Yields the states from end to end.

        Args:
            between: Extra points on the line between two neighbours.
        """
        last = self._settings.points - 1
        for number in range(last):
            for part in range(between + 1):
                yield self._state(number, part / (between + 1))
        yield self._state(last, 0.0)

    def weights_of(self, state: list[Tensor]) -> list[Tensor]:
        """Returns the weights of a state, without statistics and seeds."""
        return self._line.weights_of(state)

    @property
    def distance(self) -> float:
        """Distance of the ends."""
        return self._line.distance()

    def _state(self, number, share):
        trainable = self._point(number)
        if share:
            trainable = [
                interpolation.on_line(here, after, share)
                for here, after in zip(
                    trainable, self._point(number + 1), strict=True
                )
            ]
        _, others = self._split(self._on_line(number + share))
        state = weight_state.join(self._model, trainable, others)
        return [ops.convert_to_tensor(value) for value in state]

    def _point(self, number):
        if number in (0, self._settings.points - 1):
            return self._ends[min(number, 1)]
        return self.points[number - 1]

    def _on_line(self, number):
        return self._line.between(number / (self._settings.points - 1))

    def _split(self, state):
        return weight_state.split(self._model, state)

    def _step(self, forces, others, x, y):
        """Moves every inner point once; returns their losses."""
        move = self._move(forces, others[0], x, y)
        before, here = self._ends[0], _on_device(self._point(1))
        losses = []
        for number, rest in enumerate(others, start=1):
            after = _on_device(self._point(number + 1))
            loss, moved = move(before, here, after, rest, x, y)
            self.points[number - 1] = list(map(ops.convert_to_numpy, moved))
            # The next point is pulled to where this one was.
            before, here = here, after
            losses.append(float(loss))
        return np.array(losses)

    def _move(self, forces, others, x, y):
        """The traced function: the loss of a point, and where it moves."""
        import tensorflow as tf

        specs = evaluation.example_specs((x, y))
        key = str((forces, specs))
        if key not in self._steps:

            def move(before, here, after, others, x, y):
                self.traces += 1
                with tf.GradientTape() as tape:
                    tape.watch(here)
                    loss = self._training_loss(here, others, x, y)
                gradients = tape.gradient(
                    loss,
                    here,
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                stiffness = self._settings.stiffness
                found = forces(before, here, after, gradients, stiffness)
                rate = self._settings.learning_rate
                return loss, [
                    weight + rate * force
                    for weight, force in zip(here, found, strict=True)
                ]

            point = evaluation.state_specs(self._ends[0])
            rest = evaluation.state_specs(others)
            self._steps[key] = tf.function(
                move, input_signature=[point, point, point, rest, *specs]
            )
        return self._steps[key]

    def _training_loss(self, trainable, others, x, y):
        outputs, _, penalties = weight_state.call(
            self._model,
            weight_state.join(self._model, trainable, others),
            x,
            training=True,
        )
        outputs = evaluation.one_output(self._model, outputs)
        return ops.mean(self._loss(y, outputs)) + sum(penalties)

    def _seed(self, others, rng):
        """Gives all points the same fresh states of seed generators."""
        weights = {id(weight) for weight in self._model.weights}
        for place, variable in enumerate(self._model.non_trainable_variables):
            if id(variable) not in weights:
                drawn = rng.integers(0, 2**31, variable.shape)
                for each in others:
                    each[place] = ops.cast(drawn, variable.dtype)

    def _check(self, sums, epoch):
        if not np.isfinite(sums).all():
            number = int(np.flatnonzero(~np.isfinite(sums))[0]) + 1
            raise ValueError(
                "The points of a chain must keep a finite loss. Received: "
                f"point {number} has none in epoch {epoch}. Lower "
                f"learning_rate={self._settings.learning_rate}."
            )


def _on_device(weights):
    return [ops.convert_to_tensor(weight) for weight in weights]


def train_path(
    kind: str,
    forces: Forces,
    first: keras.Model,
    second: keras.Model,
    settings: trained_path.ChainSettings,
    *,
    train: Any,
    test: Any = None,
    loss: Any = None,
    between: int = 0,
    recompute_batch_statistics: bool = True,
    progress: path_meter.Progress | None = None,
) -> trained_path.TrainedPath:
    """Trains a chain and measures it; see `elastic_string.train_string`."""
    between = arguments.require_integer("between", between, 0)
    loss = interpolation.first_loss(first, second, loss)
    space = in_one_space.in_one_space(first, second)
    meter = path_meter.PathMeter(
        space.first,
        train=train,
        test=test,
        loss=loss,
        recompute_batch_statistics=recompute_batch_statistics,
        batch_size=max(settings.batch_size, _LEAST_BATCH),
    )
    chain = Chain(space, loss, settings)
    chain.train(forces, train, progress)
    found, lengths, before = [], [], None
    for state in chain.states(between):
        weights = chain.weights_of(state)
        if before is not None:
            lengths.append(weight_state.distance(before, weights))
        before = weights
        found.append(meter.point(0.0, state))
    return trained_path.TrainedPath(
        kind=kind,
        points=_placed(found, lengths),
        distance=chain.distance,
        length=sum(lengths),
        settings=settings,
        epochs=tuple(chain.epochs),
    )


def _placed(points, lengths):
    """Points at their positions, by length along the path."""
    total = sum(lengths)
    along = np.cumsum([0.0, *lengths]) / (total or 1.0)
    if not total:
        along = np.linspace(0, 1, len(points))
    along[-1] = 1.0
    return tuple(
        dataclasses.replace(point, position=float(position))
        for point, position in zip(points, along, strict=True)
    )
