"""How long and how much memory the embedding of AlexNet takes.

    python -m benchmarks.embed --torch_python=/path/to/python

Floor: writing as much memory once in the same process: fresh (new to the
process, at hand on the machine), or mapped already; of the way back, reading
the kernels. Peers: the construction of the authors' PyTorch code; other ways to
one matrix, into mapped memory.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_WORK = "benchmarks.construction"
_FRESH = "writing 506 MB of fresh memory"
_PEER = "PyTorch loop (239 M weights)"
_ROADS = {
    "basis": "convolving the identity basis",
    "toeplitz": "blocks of scipy.linalg.toeplitz",
    "loop": "loop over positions and taps",
}


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    network = fresh.call(
        "benchmarks.networks", "plain_stack", name="alexnet"
    ).result
    embeds, bare, peers = [], [], []
    for number in range(settings.processes):
        # Whoever comes second may find another machine: take turns.
        order = {"floor_first": number % 2 == 1}
        embeds.append(fresh.call(_WORK, "embed_fresh", **order).result)
        bare.append(fresh.call(_WORK, "unroll_fresh", **order).result)
        if settings.has_torch:
            peers.append(
                fresh.call(
                    "benchmarks.torch_peer",
                    "construct",
                    interpreter=settings.torch_python,
                    network=network,
                    repeats=1,
                ).result["seconds"][0]
            )
    mapped = fresh.call(_WORK, "unroll_mapped", repeats=settings.repeats).result
    whole, whole_floor = _columns(embeds)
    matrices, matrices_floor = _columns(bare)
    into = "matrices, memory mapped already"
    return [
        Row("embed, fresh memory", whole, _FRESH, whole_floor, 1.5),
        Row("matrices, fresh memory", matrices, _FRESH, matrices_floor, 1.5),
        Row(
            into,
            mapped["construction"],
            "writing 506 MB of mapped memory",
            mapped["writing"],
            1.5,
        ),
        _peer_row(settings, "embed, fresh memory", whole, peers, 0.5),
        _peer_row(settings, into, mapped["construction"], peers, 0.1),
        *_memory(settings),
        _unembed(settings),
        *_roads(settings),
    ]


def _columns(results):
    return [[r[name] for r in results] for name in ("construction", "floor")]


def _peer_row(settings, what, seconds, peers, at_most):
    if not settings.has_torch:
        return front.without_torch(what, _PEER)
    return Row(what, seconds, _PEER, peers, at_most)


def _memory(settings):
    results = [
        fresh.call(_WORK, "embed_memory").result
        for _ in range(settings.processes)
    ]
    kept, peak, weights = (
        [r[name] for r in results] for name in ("kept", "peak", "weights")
    )
    return [
        Row("memory that embed keeps", kept, "weights", weights, 1.05, "B"),
        # Zeros are not mapped before training, so what counts is what stays.
        Row("peak memory of embed", peak, "what it keeps", kept, 1.1, "B"),
    ]


def _unembed(settings):
    times = fresh.call(_WORK, "unembed", repeats=settings.repeats).result
    what, floor = "unembed", "reading the kernels once"
    return Row(what, times["unembed"], floor, times["reading"])


def _roads(settings):
    """Rows of one matrix next to constructions of other people."""
    times = fresh.call(
        "benchmarks.matrices",
        "by_several_roads",
        name="skinny_cnn",
        number=1,
        repeats=min(settings.repeats, 3),
    ).result
    what = "matrix of skinny_cnn's conv_2, 64 MiB"
    return [
        Row(what, times["unroll"], shown, times[road], 1.0)
        for road, shown in _ROADS.items()
    ]


if __name__ == "__main__":
    front.run("The embedding of AlexNet, 32x32x3", measure)
