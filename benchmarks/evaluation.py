"""How many images a second are evaluated.

    python -m benchmarks.evaluation

Floors, in the same process, in turn: the bare products of the forward pass; and
the arithmetic of the weights that are free and meet a pixel, at the rate of a
large square product.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_CASES = (
    ("skinny_cnn", "cnn", "CNN"),
    ("skinny_cnn", "lcn", "LCN"),
    ("skinny_cnn", "efcn", "eFCN"),
    ("small_cnn", "cnn", "CNN"),
    ("small_cnn", "lcn", "LCN"),
    ("small_cnn", "efcn", "eFCN"),
)
_FLOORS = {
    "products": "its forward products",
    "best": "its arithmetic at the best rate",
}


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name, kind, shown in _CASES:
        found = fresh.call(
            "benchmarks.passes",
            "evaluation",
            name=name,
            kind=kind,
            repeats=min(settings.repeats, 5),
        ).result
        rows += [
            Row(
                f"evaluate {name}'s {shown}",
                found["evaluated"],
                against,
                found[floor],
                unit=tables.PER_SECOND,
            )
            for floor, against in _FLOORS.items()
            if floor in found
        ]
    return rows


if __name__ == "__main__":
    front.run("Evaluation", measure)
