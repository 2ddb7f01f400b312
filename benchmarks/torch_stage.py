"""The peer of the CNN stage: the same convolutional networks in PyTorch.

What its users would write: `nn.Conv2d` with its padding, stock optimizers, and
Layca as an optimizer of their own, a few lines per kernel.

Runs in a Python that has PyTorch and need not have anything else.
"""

import importlib
import time
from typing import Any

from benchmarks import torch_peer

# By name: PyTorch is what we are compared with, not what we require.
torch = importlib.import_module("torch")
nn = torch.nn


def train(cases: list[dict[str, Any]], repeats: int) -> dict[str, list[float]]:
    """Times training steps of convolutional networks, one after the other.

    Args:
        cases: For each a `name`; its `network`, as `networks.plain_stack` has
            it; the name of its `optimizer`; `steps` in one timing.
        repeats: Timings per case, after one that does not count.

    Returns:
        Seconds per step, by name.
    """
    found = {}
    for case in cases:
        step = _step_of(case["network"], case["optimizer"])
        seconds = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            for _ in range(case["steps"]):
                step()
            seconds.append((time.perf_counter() - start) / case["steps"])
        found[case["name"]] = seconds[1:]
    return found


class Layca(torch.optim.Optimizer):
    """Turns each kernel by `arctan(lr)` across itself; biases stay.

    Reference: arXiv:1806.01603v2, algorithm 1, with SGD inside.
    """

    def __init__(self, parameters: Any, lr: float):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.ndim > 1 and weight.grad is not None:
                    self._turn(weight, group["lr"])

    def _turn(self, weight, rate):
        state = self.state[weight]
        length = weight.norm()
        norm = state.setdefault("norm", length.clone())
        along = (weight.grad * weight).sum() / length.square()
        across = weight.grad - along * weight
        weight.sub_(across * (rate * length / across.norm()))
        weight.mul_(norm / weight.norm())


def _step_of(network, optimizer):
    model = _network(network)
    model.train()
    update = {
        "sgd": lambda weights: torch.optim.SGD(weights, lr=1e-3),
        "adam": lambda weights: torch.optim.Adam(weights, lr=1e-5),
        "layca": lambda weights: Layca(weights, lr=3.0**-5),
    }[optimizer](model.parameters())
    loss_of = nn.CrossEntropyLoss()
    channels, size = network["image"]
    images = torch.randn(network["batch_size"], channels, size, size)
    labels = torch.randint(network["classes"], (network["batch_size"],))

    def step():
        update.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        update.step()

    return step


def _network(network):
    channels, size = network["image"]
    layers = []
    for entry in network["stack"]:
        padding = entry.get("padding", 0)
        reach = entry.get("kernel", entry.get("window"))
        stride = entry["stride"]
        if "kernel" in entry:
            layers += [
                nn.Conv2d(channels, entry["channels"], reach, stride, padding),
                nn.ReLU(),
            ]
            channels = entry["channels"]
        else:
            layers.append(nn.MaxPool2d(reach, stride))
        size = (size + 2 * padding - reach) // stride + 1
    features = channels * size**2
    return nn.Sequential(*layers, *torch_peer.head(network, features))
