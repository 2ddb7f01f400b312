"""The locally connected net: compact, as a dense matrix, next to the eFCN.

    python -m benchmarks.lcn

The dense form is a masked matrix of the eFCN's size. Of it the compact form
stores and multiplies what the fill ratio says. Floor: its arithmetic at the
rate of a large matrix product, and its kernels once through the memory for
each reading and writing that a step cannot do without.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_WORK = "benchmarks.training"
_KINDS = ["lcn", "dense_lcn", "efcn"]


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for name in ("skinny_cnn", "small_cnn"):
        sizes = fresh.call("benchmarks.networks", "local_sizes", name=name)
        fill = sizes.result["free"] / sizes.result["dense"]
        rows += _times(name, fill, settings)
        rows += _memory(name, fill, sizes.result)
    return rows


def _times(name, fill, settings):
    times = fresh.call(
        _WORK,
        "against_kinds",
        name=name,
        kinds=_KINDS,
        repeats=settings.repeats,
    ).result
    what = f"{name}, LCN step, compact"
    lcn, dense, efcn = (times[kind] for kind in _KINDS)
    return [
        Row(what, lcn, f"its dense form (fill {fill:.3f})", dense, fill),
        Row(what, lcn, "the eFCN step", efcn, 1.0),
        Row(what, lcn, "its products, position by position", times["products"]),
        Row(what, lcn, "floor: arithmetic and memory", times["floor"]),
    ]


def _memory(name, fill, sizes):
    peaks = {
        kind: fresh.call(_WORK, "alone", name=name, kind=kind).peak
        for kind in ["cnn", *_KINDS]
    }
    lcn, dense, efcn = ([peaks[k] - peaks["cnn"]] for k in _KINDS)
    stored, whole = [4 * sizes["stored"]], [4 * sizes["dense"]]
    what = f"{name}, LCN peak memory less the CNN's"
    return [
        # Weights of taps in the padding are stored besides.
        Row(f"{name}, LCN weights", stored, "dense", whole, 1.1 * fill, "B"),
        Row(what, lcn, "that of its dense form", dense, 1.0, "B"),
        Row(what, lcn, "that of the eFCN", efcn, 1.0, "B"),
    ]


if __name__ == "__main__":
    front.run("The locally connected net", measure)
