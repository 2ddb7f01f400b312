"""Measures points of weight space one after the other, on the same data."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from needle_tf.analysis import batch_statistics
from needle_tf.analysis import evaluation
from needle_tf.analysis import labelled_data
from needle_tf.analysis import paths

Tensor = Any
Progress = Callable[[int, int], None]


class PathMeter:
    """Loss and accuracy on training and test data, at any weights.

    A point costs one pass over the training and one over the test data, and
    one more over the training data if the model has BatchNorm statistics to
    be measured anew. Nothing is traced again from point to point.

    Args:
        model: Its wiring is used, its weights stay.
        train: Training data as of `Evaluator.evaluate`, or None.
        test: Test data, or None.
        loss: As of `Evaluator`.
        recompute_batch_statistics: Whether statistics are measured on the
            training data at every point, the ends included, so that all
            points are treated alike. Otherwise they lie between those of the
            ends.
        batch_size: For arrays.

    Raises:
        ValueError: If there are no data, or statistics are to be measured and
            there are no training data.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        train: Any = None,
        test: Any = None,
        loss: Any = None,
        recompute_batch_statistics: bool = True,
        batch_size: int = 500,
    ):
        if train is None and test is None:
            raise ValueError(
                "There must be data to measure the path on. Received "
                "train=None and test=None. Give one of them or both."
            )
        self.train, self.test = (
            None
            if data is None
            else labelled_data.LabelledData.of(data, batch_size)
            for data in (train, test)
        )
        self.evaluator = evaluation.Evaluator(model, loss)
        self._statistics = None
        if recompute_batch_statistics:
            self._statistics = batch_statistics.BatchStatistics(model)
            if self._statistics.layers and train is None:
                raise ValueError(
                    f'Model "{model.name}" has BatchNorm layers '
                    f"({', '.join(self._statistics.layers)}), whose statistics "
                    "are measured on training data at every point. Received "
                    "train=None. Give `train`, or "
                    "recompute_batch_statistics=False."
                )

    def point(self, position: float, state: Sequence[Tensor]) -> Any:
        """Returns the `PathPoint` of a state."""
        state = self.settled(state)
        return paths.PathPoint(
            position,
            *(
                None if data is None else self.evaluator.evaluate(data, state)
                for data in (self.train, self.test)
            ),
        )

    def settled(self, state: Sequence[Tensor]) -> Sequence[Tensor]:
        """Returns the state with its BatchNorm statistics measured anew."""
        if self._statistics is None or not self._statistics.layers:
            return state
        return self._statistics.recompute(self.train, state)
