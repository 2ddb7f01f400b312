"""Between two networks of one space: along lines, or mixing their outputs.

    linear       w(s) = (1 - s) a + s b
    curvilinear  w(s) = r(s) l(s) / |l(s)|,  l(s) = (1 - s) a + s b,
                 r(s) = (1 - s) |a| + s |b|,  weight by weight
    outputs      f(x) = (1 - s) f(x; a) + s f(x; b)

Reference: d'Ascoli et al., arXiv:1906.06766, and their published code.
"""

import functools
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import evaluation
from needle_tf.analysis import in_one_space
from needle_tf.analysis import path_meter
from needle_tf.analysis import paths
from needle_tf.analysis import weight_state
from needle_tf.data import arguments

Tensor = Any
Progress = path_meter.Progress

KINDS = ("linear", "curvilinear", "outputs")


def interpolate(
    first: keras.Model,
    second: keras.Model,
    kind: str = "linear",
    *,
    train: Any = None,
    test: Any = None,
    points: int = 11,
    loss: Any = None,
    recompute_batch_statistics: bool = True,
    batch_size: int = 500,
    progress: Progress | None = None,
) -> paths.Path:
    """Returns loss and accuracy along a path between two networks.

    The models are brought into one space first and are left as they are.
    Memory: the two models and the point between them, three copies of the
    weights, and one more of the largest weight while a point is made.

    `"linear"` and `"curvilinear"` cost one pass over the data for each point;
    norms are those of each weight by itself, as in the authors' code.
    `"outputs"` averages what the networks give out, logits or probabilities,
    and costs one pass under each of them for all points together.

    Args:
        first: At position 0: any built model, compiled or not.
        second: At position 1: a model of the same network, CNN or eFCN.
        kind: One of `KINDS`.
        train: Arrays `(x, y)` or a `tf.data.Dataset` of such batches, or None.
        test: Likewise.
        points: Number of points, at equal steps of s; at least 2, the ends.
        loss: As of `Evaluator`; that of the first model by default.
        recompute_batch_statistics, batch_size: As of `PathMeter`.
        progress: Called as `progress(points done, points)`.

    Raises:
        ValueError: If the models differ in structure, an argument is out of
            range, or a curvilinear path leads through zero.
    """
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {KINDS}. Received: kind={kind!r}."
        )
    points = arguments.require_integer("points", points, 2)
    space = in_one_space.in_one_space(first, second)
    meter = path_meter.PathMeter(
        space.first,
        train=train,
        test=test,
        loss=first_loss(first, second, loss),
        recompute_batch_statistics=recompute_batch_statistics,
        batch_size=batch_size,
    )
    ends = Ends(space)
    positions = [number / (points - 1) for number in range(points)]
    measure = _mixed_outputs if kind == "outputs" else _mixed_weights
    found = measure(kind, meter, ends, positions, progress)
    distance = ends.distance()
    length = distance if kind == "linear" else None
    return paths.Path(kind, tuple(found), distance, length)


class Ends:
    """The two ends of a path, and the states between them.

    Weights are interpolated, statistics of normalisations too; the states of
    seed generators and counts are those of the first end.
    """

    def __init__(self, space: in_one_space.OneSpace):
        self.first, self.second = space.states()
        self.model = space.first
        self._is_weight = weight_state.is_weight(self.model)
        statistics = weight_state.statistics(self.model)
        self._has_norm = [
            is_weight and id(variable) not in statistics
            for variable, is_weight in zip(
                self.model.variables, self._is_weight, strict=True
            )
        ]

    def between(
        self, position: float, *, keeps_norm: bool = False
    ) -> list[Tensor]:
        """Returns the state at a position; the ends themselves at 0 and 1.

        Args:
            position: In [0, 1].
            keeps_norm: Whether the norms of weights go from one end to the
                other too, statistics of normalisations left as they are.

        Raises:
            ValueError: Naming the weight, if a norm cannot be kept because
                the line leads through 0.
        """
        if position in (0, 1):
            return self.second if position else self.first
        state = []
        for variable, is_weight, has_norm, a, b in zip(
            self.model.variables,
            self._is_weight,
            self._has_norm,
            self.first,
            self.second,
            strict=True,
        ):
            value = a
            if is_weight:
                value = on_line(a, b, position)
            if has_norm and keeps_norm:
                value = _rescaled(value, a, b, position, variable.path)
            state.append(value)
        return state

    def distance(self) -> float:
        """Returns the distance of the ends, statistics left out."""
        return weight_state.distance(
            self.weights_of(self.first), self.weights_of(self.second)
        )

    def weights_of(self, state: list[Tensor]) -> list[Tensor]:
        """Returns the weights of a state, without statistics and seeds."""
        return [
            value
            for value, has_norm in zip(state, self._has_norm, strict=True)
            if has_norm
        ]


def on_line(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Returns `(1 - share) * first + share * second`.

    Traced, so that the sum takes the place of one of its terms: a line between
    large weights needs one copy more than its result, not two.
    """
    first, second = map(ops.convert_to_tensor, (first, second))
    mix = _mix(keras.backend.standardize_dtype(first.dtype))
    return mix(first, second, ops.cast(share, first.dtype))


@functools.cache
def _mix(dtype):
    import tensorflow as tf

    weight, share = tf.TensorSpec(None, dtype), tf.TensorSpec((), dtype)
    return tf.function(
        lambda a, b, s: a * (1 - s) + b * s,
        input_signature=[weight, weight, share],
    )


def first_loss(first: keras.Model, second: keras.Model, loss: Any) -> Any:
    """Returns the loss given, or that of the first model that has one."""
    for model in (first, second):
        if loss is None:
            loss = getattr(model, "loss", None)
    return loss


def _rescaled(value, first, second, position, path):
    norm, *ends = (
        weight_state.dot([each], [each]) ** 0.5
        for each in (value, first, second)
    )
    radius = ends[0] * (1 - position) + ends[1] * position
    if radius == 0:
        return value
    if norm <= 1e-6 * radius:
        raise ValueError(
            f'The line between the two values of "{path}" leads through 0, so '
            "there is no direction in which its norm could be kept. Take "
            'kind="linear", or an even number of points.'
        )
    return value * (radius / norm)


def _mixed_weights(kind, meter, ends, positions, progress):
    """The points of a path through weight space, one after the other."""
    found = []
    for position in positions:
        # Nothing holds on to a point while the next one is made.
        found.append(
            meter.point(
                position,
                ends.between(position, keeps_norm=kind == "curvilinear"),
            )
        )
        if progress is not None:
            progress(len(found), len(positions))
    return found


def _mixed_outputs(kind, meter, ends, positions, progress):
    """The points of a path over outputs, both networks run once per batch."""
    del kind
    states = [meter.settled(each) for each in (ends.first, ends.second)]
    mixture = OutputMixture(meter.evaluator, positions)
    by_part = [
        [None] * len(positions)
        if data is None
        else mixture.evaluate(data, *states)
        for data in (meter.train, meter.test)
    ]
    if progress is not None:
        progress(len(positions), len(positions))
    return [
        paths.PathPoint(position, *found)
        for position, *found in zip(positions, *by_part, strict=True)
    ]


class OutputMixture:
    """Averages the outputs of a model under two states, at many shares.

    Args:
        evaluator: Of the model.
        shares: Of the second state, each in [0, 1].

    Attributes:
        traces: How often the model pair was traced.
    """

    def __init__(self, evaluator: evaluation.Evaluator, shares: list[float]):
        self._evaluator = evaluator
        self._shares = shares
        self._steps: dict[str, Any] = {}
        self.traces = 0

    def evaluate(
        self, data: Any, first: list[Tensor], second: list[Tensor]
    ) -> list[evaluation.Figures]:
        """Returns the figures at each share, from one pass over the data."""
        totals = [0.0] * len(self._shares)
        for x, y in data.batches():
            found = self._step(first, x, y)(first, second, x, y)
            totals = [
                total + each for total, each in zip(totals, found, strict=True)
            ]
        return [evaluation.figures(total) for total in totals]

    def _step(self, state, x, y):
        import tensorflow as tf

        specs = evaluation.example_specs((x, y))
        if str(specs) not in self._steps:
            model = self._evaluator.model

            def step(first, second, x, y):
                self.traces += 1
                a, b = (
                    evaluation.one_output(
                        model, weight_state.call(model, state, x)[0]
                    )
                    for state in (first, second)
                )
                return [
                    self._evaluator.sums(a * (1 - share) + b * share, y)
                    for share in self._shares
                ]

            of_state = evaluation.state_specs(state)
            self._steps[str(specs)] = tf.function(
                step, input_signature=[of_state, of_state, *specs]
            )
        return self._steps[str(specs)]
