"""What Layca costs over its inner optimizer, and the monitor over an epoch.

    python -m benchmarks.layca

Floor: the same training step by SGD alone, in the same process, in turn.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
# Network, kind and the largest ratio allowed.
_CASES = (("resnet32", "cnn", 1.05), ("alexnet", "efcn", 1.15))


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name, kind, goal in _CASES:
        times = fresh.call(
            "benchmarks.rotation",
            "against_sgd",
            name=name,
            kind=kind,
            repeats=settings.repeats,
        ).result
        whose = f"{name}'s {kind}" if kind != "cnn" else name
        steps = times["steps"]
        epoch = [steps * seconds for seconds in times["layca"]]
        rows += [
            Row(
                f"Layca step of {whose}, batch {times['batch']}",
                times["layca"],
                "the SGD step",
                times["sgd"],
                goal,
            ),
            Row(
                f"layer rotation of {whose}",
                times["rotation"],
                f"epoch of {steps} steps",
                epoch,
                0.01,
            ),
        ]
    return rows


if __name__ == "__main__":
    front.run("Layca and the monitor of layer rotation", measure)
