"""Reads event files back, as TensorBoard does."""

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util


def scalars(folder: str) -> dict[str, list[tuple[int, float]]]:
    """Returns (step, value) pairs per tag, in the order of their writing."""
    events = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.TENSORS: 0}
    )
    events.Reload()
    return {
        tag: [
            (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }
