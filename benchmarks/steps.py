"""Training steps of each kind of network: time and peak memory.

    python -m benchmarks.steps

The band is a masked matrix of the eFCN's size. Floor of the time: the
arithmetic of the weights that are free and meet a pixel, at the rate of a
large square product of the same precision, timed in turn. Memory is that
beyond the process before its network was built, next to the kernels.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_KINDS = {
    "cnn": "CNN",
    "lcn": "LCN",
    "band_1": "band of radius 1",
    "band_3": "band of radius 3",
    "efcn": "eFCN",
}
_FLOOR = "its arithmetic at the best rate"


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name in ("skinny_cnn", "alexnet"):
        for policy in ("float32", "mixed_bfloat16"):
            for kind, shown in _KINDS.items():
                found = fresh.call(
                    "benchmarks.training",
                    "against_arithmetic",
                    name=name,
                    kind=kind,
                    policy=policy,
                    repeats=min(settings.repeats, 3),
                ).result
                what = f"{name}, {shown}, {policy}"
                weights = [found["weights"]]
                peak = [found["peak"]]
                rows += [
                    Row(f"{what}: step", found["step"], _FLOOR, found["floor"]),
                    Row(f"{what}: peak", peak, "kernels", weights, unit="B"),
                ]
    return rows


if __name__ == "__main__":
    front.run("Training steps of each kind of network, batch 250", measure)
