"""The CNN stage next to the same networks and optimizers in PyTorch.

    python -m benchmarks.cnn_stage --torch_python=/path/to/python

Peer: plain `nn.Conv2d` networks under PyTorch's optimizers, and under Layca as
its users would write it; forward, backward and update, processes in turn.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
# Network, optimizer, steps in one timing, and the largest ratio allowed.
_CASES = (
    ("alexnet", "sgd", 1, 1.0),
    ("skinny_cnn", "sgd", 4, 1.0),
    ("small_cnn", "sgd", 50, 1.0),
    ("alexnet", "adam", 1, 1.05),
    ("alexnet", "layca", 1, 1.05),
    ("small_cnn", "layca", 50, 1.05),
)
_SHOWN = {"sgd": "SGD", "adam": "Adam", "layca": "Layca"}
_PEER = "PyTorch"


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    names = [_named(name, optimizer) for name, optimizer, *_ in _CASES]
    if not settings.has_torch:
        return [front.without_torch(name, _PEER) for name in names]
    ours, theirs = _series(settings, names)
    return [
        Row(name, ours[name], _PEER, theirs[name], goal)
        for name, (*_, goal) in zip(names, _CASES, strict=True)
    ]


def _series(settings, names):
    """Seconds per step by name, ours and theirs, a process each in turn."""
    stacks = {
        network: fresh.call(
            "benchmarks.networks", "plain_stack", name=network
        ).result
        for network in dict.fromkeys(network for network, *_ in _CASES)
    }
    cases, peers = [], []
    for name, (network, optimizer, steps, _) in zip(names, _CASES, strict=True):
        case = {"name": name, "optimizer": optimizer, "steps": steps}
        cases.append({**case, "network": network})
        peers.append({**case, "network": stacks[network]})
    ours, theirs = ({name: [] for name in names} for _ in range(2))
    repeats = min(settings.repeats, 4)
    for _ in range(settings.processes):
        found = fresh.call(
            "benchmarks.training", "optimized", cases=cases, repeats=repeats
        )
        peer = fresh.call(
            "benchmarks.torch_stage",
            "train",
            interpreter=settings.torch_python,
            cases=peers,
            repeats=repeats,
        )
        for name in names:
            ours[name] += found.result[name]
            theirs[name] += peer.result[name]
    return ours, theirs


def _named(network, optimizer):
    return f"{network} step, {_SHOWN[optimizer]}"


if __name__ == "__main__":
    front.run("The CNN stage next to PyTorch", measure)
