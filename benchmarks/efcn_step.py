"""How long and how much memory a training step of AlexNet's eFCN takes.

    python -m benchmarks.efcn_step --torch_python=/path/to/python

Floor: the bare matrix products of the step, in the same process, in turn.
Peer: the authors' network in PyTorch, with its dense layers on padded images.
"""

from absl import flags

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_NETWORK = "alexnet"
_WORK = "benchmarks.training"
_STEP = "eFCN step, batch 250"
_POLICIES = ("float32", "mixed_bfloat16")

_INTEROP_THREADS = flags.DEFINE_multi_integer(
    "interop_threads",
    [0],
    "For the peaks: operations that TensorFlow runs at a time; 0 leaves it the "
    "choice. May be given many times.",
    lower_bound=0,
)


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = [_against_products(policy, settings) for policy in _POLICIES]
    rows.append(_against_float32(settings))
    rows.append(_against_peer(settings))
    for threads in _INTEROP_THREADS.value:
        rows += _peaks(settings, threads)
    return rows


def _against_products(policy, settings):
    times = fresh.call(
        _WORK,
        "against_products",
        name=_NETWORK,
        kind="efcn",
        policy=policy,
        repeats=settings.repeats,
    ).result
    return Row(
        f"{_STEP}, {policy}",
        times["step"],
        "its matrix products",
        times["products"],
        1.15 if policy == "float32" else None,
    )


def _against_float32(settings):
    times = fresh.call(
        _WORK,
        "against_policies",
        name=_NETWORK,
        kind="efcn",
        repeats=settings.repeats,
    ).result
    float32, bfloat16 = (times[policy] for policy in _POLICIES)
    name = f"{_STEP}, {_POLICIES[1]}"
    return Row(name, bfloat16, "the step in float32", float32, 1 / 1.6)


def _against_peer(settings):
    what, peer = f"{_STEP}, float32", "PyTorch, padded images"
    if not settings.has_torch:
        return front.without_torch(what, peer)
    network = fresh.call("benchmarks.networks", "alexnet_stack").result
    ours, theirs = [], []
    # A process each, in turn: side by side their weights would not be alone.
    for _ in range(settings.processes):
        ours += _alone(settings, "efcn", "float32", 0).result["step"]
        theirs += fresh.call(
            "benchmarks.torch_peer",
            "train",
            interpreter=settings.torch_python,
            network=network,
            steps=_steps(settings),
        ).result["seconds"]
    return Row(what, ours, peer, theirs)


def _peaks(settings, threads):
    allowed = f", {threads} inter-op threads" if threads else ""
    grown = {policy: [] for policy in _POLICIES}
    weights = []
    for _ in range(settings.processes):
        bare = _alone(settings, "cnn", "float32", threads).peak
        for policy in _POLICIES:
            outcome = _alone(settings, "efcn", policy, threads)
            grown[policy].append(outcome.peak - bare)
        weights.append(outcome.result["weights"])
    return [
        Row(
            f"peak memory less the CNN's, {policy}{allowed}",
            peaks,
            "weights",
            weights,
            2.3,
            "B",
        )
        for policy, peaks in grown.items()
    ]


def _alone(settings, kind, policy, threads):
    return fresh.call(
        _WORK,
        "alone",
        name=_NETWORK,
        kind=kind,
        policy=policy,
        steps=_steps(settings),
        interop_threads=threads,
    )


def _steps(settings):
    return min(settings.repeats, 4)


if __name__ == "__main__":
    front.run("A training step of AlexNet's eFCN", measure)
