"""What EC-Opt costs over its inner optimizer, and its set-up.

    python -m benchmarks.ec_opt

Floor: the same training step by SGD alone, in the same process, in turn.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_CASES = (
    ("ec_mlp", 1.0, False, 1.10),
    ("ec_mlp", 1.0, True, 1.10),
    ("plainnet34", 0.25, False, 1.05),
)
_SET_UP_SECONDS = 2.0


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name, width, jit, goal in _CASES:
        times = fresh.call(
            "benchmarks.path_steps",
            "against_sgd",
            name=name,
            width=width,
            jit_compile=jit,
            repeats=settings.repeats,
        ).result
        narrow = "" if width == 1 else f" at {width} of its width"
        compiled = ", XLA" if jit else ""
        rows.append(
            Row(
                f"EC-SGD step of {name}{narrow}, batch {times['batch']}"
                f"{compiled}",
                times["ec_sgd"],
                "the SGD step",
                times["sgd"],
                goal,
            )
        )
    seconds = fresh.call("benchmarks.path_steps", "set_up").result
    rows.append(
        Row(
            "scale graph and skeleton of resnet110 (affine BatchNorm)",
            seconds,
            "limit",
            [_SET_UP_SECONDS] * len(seconds),
            1.0,
        )
    )
    return rows


if __name__ == "__main__":
    front.run("EC-Opt over its inner optimizer", measure)
