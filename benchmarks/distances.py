"""What one measurement of the subspace distances costs, next to an epoch.

    python -m benchmarks.distances

Floor: reading every kernel once, to sum it.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name in ("alexnet", "small_cnn"):
        result = fresh.call(
            "benchmarks.training",
            "against_distances",
            name=name,
            repeats=settings.repeats,
        ).result
        steps, distances = result["steps"], result["distances"]
        what = f"distances of {name}'s eFCN"
        epoch = [steps * seconds for seconds in result["step"]]
        rows += [
            Row(what, distances, f"epoch of {steps} steps", epoch, 0.01),
            Row(what, distances, "reading the kernels", result["reading"]),
        ]
    return rows


if __name__ == "__main__":
    front.run("The subspace distances", measure)
