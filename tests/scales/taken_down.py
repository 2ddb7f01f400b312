"""One call, or a few, taken down on images in which every unit has a scale."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from needle_tf.graphs import tracing
from needle_tf.scales import events
from needle_tf.scales import rules
from needle_tf.scales import scale_groups  # noqa: F401  (fills the rules)


class TakenDown(NamedTuple):
    """What `take_down` found.

    Attributes:
        model: The model of these calls.
        inputs: Flows at its inputs: an id of its own for every unit, one for
            all along axes of unknown size.
        output: The flow at its output.
        ledger: What was taken down.
    """

    model: keras.Model
    inputs: list[events.Flow]
    output: events.Flow
    ledger: events.Ledger

    def whys(self) -> set[str]:
        """Returns the reasons for ground."""
        return {reason.why for reason in self.ledger.reasons}

    def moved_ids(self) -> np.ndarray:
        """Returns what the model makes of images whose pixels are their ids."""
        images = [flow.ids[None].astype("float32") for flow in self.inputs]
        moved = self.model(images if len(images) > 1 else images[0])
        return keras.ops.convert_to_numpy(moved)[0].astype("int64")

    def labels(self) -> tuple[np.ndarray, ...]:
        """Returns the scales at the inputs and, last, at the output."""
        labels = self.ledger.labels()
        return tuple(
            labels[flow.ids if None in flow.shape else flow.full()]
            for flow in (*self.inputs, self.output)
        )


def take_down(
    function: Callable[..., keras.KerasTensor],
    *shapes: tuple[int, ...],
    trainable: bool = True,
) -> TakenDown:
    """Takes down the calls of a function of tensors.

    Args:
        function: A layer, or any function of as many tensors as shapes.
        shapes: Of its inputs, without the batch axis.
        trainable: Whether its weights train.
    """
    images = [keras.Input(shape) for shape in shapes]
    model = keras.Model(
        images if len(images) > 1 else images[0], function(*images)
    )
    ledger = events.Ledger(model.trainable_variables if trainable else [])
    inputs = []

    def start(name, shape):
        ledger.where = name
        sizes = tuple(1 if size is None else size for size in shape)
        inputs.append(events.Flow(shape, ledger.fresh(sizes)))
        return inputs[-1]

    def step(call):
        ledger.where = call.operation.name
        return rules.step(call, ledger)

    (output,) = tracing.follow(model, start, step)
    return TakenDown(model, inputs, output, ledger)
