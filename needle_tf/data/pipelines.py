"""How our tf.data pipelines run: with numbers that are fixed beforehand.

Tuned while it runs (`tf.data.AUTOTUNE`), a pipeline has a thread that looks at
it in intervals of up to a minute; in TensorFlow 2.21 it is now and then not
woken when the pipeline is deleted. Whoever deletes it then waits, 28 to 39
seconds were measured at the end of a stage, and so does everyone who needs
Python's lock. Two batches ahead and a processor each for what is made at a time
are as fast (`benchmarks.input_pipeline`).
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# Batches that are ready before they are asked for.
AHEAD = 2
# More would only hold more batches in memory.
_MOST_CALLS = 16


def parallel_calls() -> int:
    """Returns how many elements are made at a time, at most 16."""
    return min(os.cpu_count() or 1, _MOST_CALLS)


def untuned(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """Returns the same elements, in their order, from an untuned pipeline.

    Args:
        dataset: A pipeline whose calls and buffers are given as numbers.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return dataset.with_options(options)
