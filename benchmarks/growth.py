"""What an eFCN costs as the image and the channels grow.

    python -m benchmarks.growth

Two convolutions 3/1/1 and a dense layer, on images with as many channels as the
convolutions have: 2 (height width channels)^2 dense weights. Floor: the bare
matrix products, in the same process, in turn. Exponents are those of the least
squares line through the logarithms; 4 for the image's side and 2 for channels
are what the weights say.
"""

import math
import statistics

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_FLOOR = "its matrix products"
_PLACES = {"image's side": 0, "channels": 1}
# What grows, the (side, channels) of each network, the exponent expected.
_SERIES = (
    ("image's side", [(side, 4) for side in (16, 24, 32, 48)], 4.0),
    ("channels", [(16, channels) for channels in (4, 8, 16, 32)], 2.0),
)


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    sizes = dict.fromkeys(size for _, series, _ in _SERIES for size in series)
    found = {
        size: fresh.call(
            "benchmarks.growing",
            "two_convolutions",
            side=size[0],
            channels=size[1],
            repeats=min(settings.repeats, 5),
        ).result
        for size in sizes
    }
    rows = [row for size in sizes for row in _costs(size, found[size])]
    for grown, series, expected in _SERIES:
        costs = [found[size] for size in series]
        lengths = [size[_PLACES[grown]] for size in series]
        rows += _exponents(grown, lengths, costs, expected)
    return rows


def _costs(size, found):
    side, channels = size
    what = f"{side}x{side} pixels, {channels} channels"
    weights, shared = [found["weights"]], [found["shared"]]
    return [
        Row(f"{what}: step", found["step"], _FLOOR, found["products"]),
        Row(f"{what}: weights", weights, "the CNN's", shared, unit="B"),
    ]


def _exponents(grown, lengths, costs, expected):
    rounds = zip(*(cost["step"] for cost in costs), strict=True)
    steps = [_exponent(lengths, seconds) for seconds in rounds]
    weights = [_exponent(lengths, [cost["weights"] for cost in costs])]
    return [
        Row(
            f"exponent of the {cost} in the {grown}",
            values,
            "expected",
            [expected] * len(values),
            1.05,
            "",
        )
        for cost, values in (("step", steps), ("weights", weights))
    ]


def _exponent(lengths, costs):
    xs, ys = (list(map(math.log, values)) for values in (lengths, costs))
    return statistics.linear_regression(xs, ys).slope


if __name__ == "__main__":
    front.run("What an eFCN costs as it grows", measure)
