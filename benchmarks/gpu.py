"""Training steps on an accelerator, by Keras on JAX.

    pip install "jax[cuda12]"
    python -m benchmarks.gpu --results=gpu.md

Floor: the step's matrix products at the rate that the device gives a large
square product of the same precision, timed in turn. As JAX has it float32 may
mean TensorFloat-32 there, for both; JAX_DEFAULT_MATMUL_PRECISION=highest says
otherwise. No TensorFlow is needed, nor a data set.
"""

import os
import pathlib
from collections.abc import Sequence

from absl import app
from absl import flags

from benchmarks import fresh
from benchmarks import tables

Row = tables.Row
_WORK = "benchmarks.gpu_steps"
_KINDS = ("efcn", "cnn")
_POLICIES = ("float32", "mixed_bfloat16")

_NETWORK = flags.DEFINE_enum(
    "network",
    "alexnet",
    ["alexnet", "skinny_cnn", "small_cnn"],
    "What is trained; the last is small enough for any CPU.",
)
_REPEATS = flags.DEFINE_integer("repeats", 7, "Timed rounds.", lower_bound=1)
_STEPS = flags.DEFINE_integer(
    "steps", 50, "Training steps of a round.", lower_bound=1
)
_SIDE = flags.DEFINE_integer(
    "side", 8192, "Side of the square matrices.", lower_bound=256
)
_RESULTS = flags.DEFINE_string(
    "results", None, "File to write the table to, besides the screen."
)


def measure() -> list[Row]:
    """Returns the rows of this benchmark."""
    return [
        row
        for kind in _KINDS
        for policy in _POLICIES
        for row in _rows(kind, policy)
    ]


def _rows(kind, policy):
    # Each in a process of its own, for the peak of the device's memory.
    found = fresh.call(
        _WORK,
        "against_products",
        name=_NETWORK.value,
        kind=kind,
        policy=policy,
        repeats=_REPEATS.value,
        steps=_STEPS.value,
        side=_SIDE.value,
    ).result
    what = f"{kind} step, batch {found['batch']}, {policy}"
    shares = [
        products / step
        for products, step in zip(found["products"], found["step"], strict=True)
    ]
    memory = Row(
        f"{what}: peak memory",
        [found["peak"] or 0],
        "weights",
        [found["weights"]],
        unit="B",
    )
    if found["peak"] is None:
        memory = Row(
            memory.what,
            against=memory.against,
            not_measured="not measured: this device does not tell",
        )
    return [
        Row(what, found["step"], "its matrix products", found["products"]),
        Row(f"{what}: share of the rate", shares, "all of it", [1.0], unit=""),
        Row(
            f"product of {_SIDE.value} by {_SIDE.value}, {policy}: TFLOP/s",
            found["rate"],
            unit="",
            against="1 TFLOP/s",
            reference=[1.0],
        ),
        memory,
    ]


def main(argv: Sequence[str]) -> None:
    """Measures, prints the table, and writes it where asked to."""
    if len(argv) > 1:
        raise app.UsageError(f"Flags only. Received: {argv[1:]}.")
    # The processes that measure take it over; this one needs no Keras.
    os.environ["KERAS_BACKEND"] = "jax"
    device = fresh.call(_WORK, "device").result
    head = f"Training steps of {_NETWORK.value} on an accelerator\n{device}\n"
    print(head, flush=True)
    table = tables.as_markdown(measure())
    print(table)
    if _RESULTS.value is not None:
        file = pathlib.Path(_RESULTS.value).expanduser()
        file.write_text(f"# {head}\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
