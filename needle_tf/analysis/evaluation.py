"""Loss and accuracy of a network under any weights, traced once.

    loss = sum over examples of loss(y, f(x; w)) / examples

The weights are an argument of what is traced, so a path of N points costs N
passes over the data and one trace. Sums are kept in float64.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from needle_tf.analysis import labelled_data
from needle_tf.analysis import plain_json
from needle_tf.analysis import weight_state

Tensor = Any
ExampleLoss = Callable[[Tensor, Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class Figures:
    """How a network did on some data.

    Attributes:
        loss: Mean over the examples, without penalties on weights.
        accuracy: Share of examples put into their class, in [0, 1].
        count: Examples.
    """

    loss: float
    accuracy: float
    count: int

    def to_json(self) -> str:
        """Returns the figures as JSON."""
        return plain_json.dumps(self)


class Evaluator:
    """Measures one network, under its own or under any other weights.

    The model is called in inference mode and left as it is. It is traced once
    for each shape and type of example, whatever the weights, the number of
    examples and the size of the last batch.

    The loss is the mean over examples of the data's loss alone: penalties on
    weights, which `model.evaluate` adds, are left out, since they say nothing
    of the data. An example counts as right if the largest output is that of
    its class; with a single output, if it lies on the side of its label (0 or
    1) of the threshold, 0 for a loss `from_logits` and 0.5 otherwise.

    Args:
        model: A built model with one output.
        loss: A Keras loss, its name, or a function `(y, outputs)` to one value
            per example. By default the loss that the model was compiled with.

    Attributes:
        traces: How often the model was traced.

    Raises:
        ValueError: If the model has no weights yet, or no loss is known.
    """

    def __init__(self, model: keras.Model, loss: Any = None):
        weight_state.values(model)
        self.model = model
        self.traces = 0
        self.loss = example_loss(model, loss)
        self._threshold = threshold(self.loss)
        self._steps: dict[str, Callable] = {}

    def evaluate(
        self,
        data: Any,
        state: Sequence[Tensor] | None = None,
        *,
        batch_size: int = 500,
    ) -> Figures:
        """Returns loss and accuracy over all of the data.

        Args:
            data: Arrays `(x, y)` or a `tf.data.Dataset` of such batches; see
                `LabelledData`.
            state: Values of `model.variables` in their order; those of the
                model by default.
            batch_size: For arrays.

        Raises:
            ValueError: If the data are no pairs or are empty, or the model has
                several outputs.
        """
        data = labelled_data.LabelledData.of(data, batch_size)
        if state is None:
            state = weight_state.values(self.model)
        state = [ops.convert_to_tensor(value) for value in state]
        totals = 0.0
        for x, y in data.batches():
            totals = totals + self._step(state, x, y)(state, x, y)
        return figures(totals)

    def sums(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Returns the sums of a batch of outputs, as `batch_sums` does."""
        return batch_sums(self.loss, self._threshold, outputs, y)

    def _step(self, state, x, y):
        """The traced function for such examples, for batches of any size."""
        import tensorflow as tf

        specs = example_specs((x, y))
        key = str(specs)
        if key not in self._steps:

            def step(state, x, y):
                self.traces += 1
                outputs, _, _ = weight_state.call(self.model, state, x)
                outputs = one_output(self.model, outputs)
                return self.sums(outputs, y)

            self._steps[key] = tf.function(
                step, input_signature=[state_specs(state), *specs]
            )
        return self._steps[key]


def example_loss(model: keras.Model, loss: Any = None) -> ExampleLoss:
    """Returns a loss as a function `(y, outputs)` to one value per example.

    Args:
        model: Its compiled loss is taken if none is given.
        loss: As of `Evaluator`.

    Raises:
        ValueError: If there is none, or one for each of several outputs.
    """
    if loss is None:
        loss = getattr(model, "loss", None)
    if loss is None or isinstance(loss, dict | list | tuple):
        received = "no loss" if loss is None else f"loss={loss!r}"
        raise ValueError(
            f'Model "{model.name}" needs one loss to be measured by. Received '
            f"{received}. Compile the model with one, or give it: for example "
            "loss=keras.losses.SparseCategoricalCrossentropy("
            "from_logits=True)."
        )
    loss = keras.losses.get(loss)
    if not callable(loss):
        raise ValueError(f"`loss` must be callable. Received: loss={loss!r}.")
    return loss.call if isinstance(loss, keras.losses.Loss) else loss


def threshold(loss: ExampleLoss) -> float:
    """Returns the output above which a single output says 1."""
    owner = getattr(loss, "__self__", None)
    settings = owner.get_config() if owner is not None else {}
    return 0.0 if settings.get("from_logits") else 0.5


def batch_sums(
    loss: ExampleLoss, threshold: float, outputs: Tensor, y: Tensor
) -> Tensor:
    """Returns (sum of losses, right answers, examples) of a batch, float64.

    Args:
        loss: One value per example.
        threshold: Of a single output.
        outputs: `(batch, ..., classes)`.
        y: Classes as integers, or as `outputs`: one share per class.
    """
    examples = ops.cast(ops.shape(outputs)[0], "float64")
    sums = [
        examples * ops.mean(ops.cast(values, "float64"))
        for values in (
            loss(y, outputs),
            _is_right(outputs, ops.convert_to_tensor(y), threshold),
        )
    ]
    return ops.stack([*sums, examples])


def figures(totals: Tensor) -> Figures:
    """Returns the figures of sums over batches as `batch_sums` gives them.

    Raises:
        ValueError: If there was no batch.
    """
    if isinstance(totals, float):
        raise ValueError(
            "Data must hold at least one batch. Received a data set without "
            "any."
        )
    loss, right, count = (float(each) for each in totals)
    return Figures(loss / count, right / count, int(count))


def one_output(model: keras.Model, outputs: Any) -> Tensor:
    """Returns the output of a model that has one.

    Raises:
        ValueError: If it has several.
    """
    if isinstance(outputs, dict | list | tuple):
        if len(outputs) == 1:
            return keras.tree.flatten(outputs)[0]
        raise ValueError(
            f'Model "{model.name}" must have one output to be measured. '
            f"Received: {len(outputs)} outputs. Build a model of one of them: "
            "keras.Model(model.inputs, model.outputs[0])."
        )
    return outputs


def example_specs(examples: Any) -> Any:
    """Returns the specs of a batch with the number of examples left open."""
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda each: tf.TensorSpec((None, *each.shape[1:]), each.dtype),
        examples,
    )


def state_specs(state: Sequence[Tensor]) -> list[Any]:
    """Returns the specs of a state."""
    import tensorflow as tf

    return [tf.TensorSpec(value.shape, value.dtype) for value in state]


def _is_right(outputs, y, threshold):
    if outputs.shape[-1] == 1:
        labels = ops.reshape(ops.cast(y, outputs.dtype), ops.shape(outputs))
        return (outputs > threshold) == (labels > 0.5)
    if len(y.shape) == len(outputs.shape) and y.shape[-1] != 1:
        y = ops.argmax(y, axis=-1)
    answers = ops.argmax(outputs, axis=-1)
    return ops.cast(answers, "int64") == ops.reshape(
        ops.cast(y, "int64"), ops.shape(answers)
    )
