"""The locally connected net: compact, as a dense matrix, next to the eFCN.

    python -m benchmarks.lcn

The dense form is a masked matrix of the eFCN's size. The compact form stores
and multiplies the share of it that the fill ratio says: its local entries, and
weights for taps in the padding. Floor: its arithmetic at the
rate of a large matrix product, and its kernels once through the memory for
each reading and writing that a step cannot do without.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_WORK = "benchmarks.training"
_KINDS = ("lcn", "dense_lcn", "efcn")


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name in ("alexnet", "skinny_cnn", "small_cnn"):
        sizes = fresh.call("benchmarks.networks", "local_sizes", name=name)
        rows += _times(name, sizes.result, settings)
        rows += _memory(name, sizes.result, settings)
    return rows


def _times(name, sizes, settings):
    fill = round(sizes["stored"] / sizes["dense"], 3)
    times = fresh.call(
        _WORK,
        "against_kinds",
        name=name,
        kinds=list(_KINDS),
        repeats=settings.repeats,
    ).result
    what = f"{name}, LCN step, compact"
    lcn, dense, efcn = (times[kind] for kind in _KINDS)
    return [
        Row(what, lcn, "its dense form", dense, fill),
        Row(what, lcn, "the eFCN step", efcn, 1.0),
        Row(what, lcn, "its products, position by position", times["products"]),
        Row(what, lcn, "floor: arithmetic and memory", times["floor"], 2.0),
    ]


def _memory(name, sizes, settings):
    lcn, dense, efcn = _peaks(name, settings)
    local, stored, whole = (
        [4 * sizes[count]] for count in ("free", "stored", "dense")
    )
    dense_weights = "weights of the dense form"
    what = f"{name}, LCN peak memory less the CNN's"
    return [
        Row(f"{name}, local weights", local, dense_weights, whole, unit="B"),
        Row(f"{name}, LCN weights", stored, dense_weights, whole, unit="B"),
        Row(what, lcn, "that of its dense form", dense, 1.0, "B"),
        Row(what, lcn, "that of the eFCN", efcn, 1.0, "B"),
    ]


def _peaks(name, settings):
    """Peaks above that of training the CNN, in bytes: a series per kind."""
    rounds = []
    for _ in range(settings.processes):
        bare, *peaks = (
            fresh.call(_WORK, "alone", name=name, kind=kind).peak
            for kind in ("cnn", *_KINDS)
        )
        rounds.append([peak - bare for peak in peaks])
    return zip(*rounds, strict=True)


if __name__ == "__main__":
    front.run("The locally connected net", measure)
