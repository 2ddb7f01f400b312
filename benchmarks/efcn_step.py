"""How long and how much memory a training step of AlexNet's eFCN takes.

    python -m benchmarks.efcn_step --torch_python=/path/to/python

Floors: the bare matrix products of the step; and as much arithmetic at the rate
of a large square product; in the step's precision and process, in turn.
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
_IN_BACKWARD = "float32, updated in the backward pass"
_PEER = "PyTorch in float32, padded images"
# How many times faster than the peer a step ought to be.
_TIMES_FASTER = {"float32": 2.6, "mixed_bfloat16": 4.5}

_INTEROP_THREADS = flags.DEFINE_multi_integer(
    "interop_threads",
    [0],
    "For the peaks: operations that TensorFlow runs at a time; 0 leaves it the "
    "choice. May be given many times.",
    lower_bound=0,
)


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    rows = []
    for policy in _POLICIES:
        rows += _against_products(policy, settings)
    rows.append(_against_float32(settings))
    for number, threads in enumerate(_INTEROP_THREADS.value):
        ours, theirs = _rounds(settings, threads, with_peer=number == 0)
        if number == 0:
            rows += _against_peer(settings, ours, theirs)
        rows += _peaks(ours, threads)
        rows.append(_in_backward(ours))
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
    what, step = f"{_STEP}, {policy}", times["step"]
    goals = (1.15, 1.05) if policy == "float32" else (None, None)
    return [
        Row(what, step, "its matrix products", times["products"], goals[0]),
        Row(
            what, step, "its products at the best rate", times["best"], goals[1]
        ),
    ]


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


def _rounds(settings, threads, with_peer):
    """Outcomes of ours by precision, the bare CNN's too, and peer's seconds.

    A process each, in turn: side by side their weights would not be alone.
    """
    ours = {name: [] for name in ("bare", *_POLICIES, _IN_BACKWARD)}
    theirs = []
    with_peer = with_peer and settings.has_torch
    if with_peer:
        network = fresh.call(
            "benchmarks.networks", "plain_stack", name=_NETWORK
        ).result
    for _ in range(settings.processes):
        ours["bare"].append(_alone(settings, "cnn", "float32", threads))
        for policy in _POLICIES:
            ours[policy].append(_alone(settings, "efcn", policy, threads))
        ours[_IN_BACKWARD].append(
            _alone(settings, "efcn", "float32", threads, in_backward=True)
        )
        if with_peer:
            theirs += fresh.call(
                "benchmarks.torch_peer",
                "train",
                interpreter=settings.torch_python,
                network=network,
                steps=_steps(settings),
            ).result["seconds"]
    return ours, theirs


def _against_peer(settings, ours, theirs):
    rows = []
    for policy, faster in _TIMES_FASTER.items():
        what = f"{_STEP}, {policy}"
        if settings.has_torch:
            steps = [s for one in ours[policy] for s in one.result["step"]]
            rows.append(Row(what, steps, _PEER, theirs, 1 / faster))
        else:
            rows.append(front.without_torch(what, _PEER))
    return rows


def _peaks(ours, threads):
    allowed = f", {threads} inter-op threads" if threads else ""
    rows = []
    for policy in (*_POLICIES, _IN_BACKWARD):
        grown = [
            one.peak - bare.peak
            for one, bare in zip(ours[policy], ours["bare"], strict=True)
        ]
        limits = [
            1.3 * one.result["weights"] + one.result["largest"]
            for one in ours[policy]
        ]
        rows.append(
            Row(
                f"peak memory less the CNN's, {policy}{allowed}",
                grown,
                "1.3 x weights + largest kernel",
                limits,
                1.0,
                "B",
            )
        )
    return rows


def _in_backward(ours):
    updated, plain = (
        [seconds for one in ours[name] for seconds in one.result["step"]]
        for name in (_IN_BACKWARD, "float32")
    )
    return Row(f"{_STEP}, {_IN_BACKWARD}", updated, "the plain step", plain)


def _alone(settings, kind, policy, threads, **options):
    return fresh.call(
        _WORK,
        "alone",
        name=_NETWORK,
        kind=kind,
        policy=policy,
        steps=_steps(settings),
        interop_threads=threads,
        **options,
    )


def _steps(settings):
    return min(settings.repeats, 4)


if __name__ == "__main__":
    front.run("A training step of AlexNet's eFCN", measure)
