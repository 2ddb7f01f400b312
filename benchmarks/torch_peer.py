"""The peer: the eFCN as its authors' PyTorch code has it, in our own words.

There the zeros around an image are written out before a dense layer sees it.
So AlexNet has 238.6 million weights, 47 % of which only ever see zeros, where
ours has 126.4 million. The matrix is filled by a loop over output channels and
positions. Reference: arXiv:1906.06766.

Runs in a Python that has PyTorch and need not have anything else.
"""

import importlib
import math
import time
from typing import Any

from benchmarks import fresh

# By name: PyTorch is what we are compared with, not what we require.
torch = importlib.import_module("torch")
nn = torch.nn

# More than the matrices of the largest network take.
_PAGES = 1 << 30


def construct(network: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Times the construction of the dense matrices of all convolutions.

    Args:
        network: What `networks.alexnet_stack` returns.
        repeats: Times in this process.

    Returns:
        `seconds`, one per time, and the number of `weights`.
    """
    convolutions = list(_convolutions(network))
    seconds, weights = [], 0
    with torch.no_grad():
        for _ in range(repeats):
            fresh.put_pages_at_hand(_PAGES)
            start = time.perf_counter()
            matrices = [
                padded_matrix(conv.weight, size, conv.stride[0], padding)
                for conv, size, padding in convolutions
            ]
            seconds.append(time.perf_counter() - start)
            weights = sum(matrix.numel() for matrix in matrices)
            del matrices
    return {"seconds": seconds, "weights": weights}


def train(network: dict[str, Any], steps: int) -> dict[str, Any]:
    """Times training steps of the padded network: SGD, cross entropy.

    Returns:
        `seconds` per step after a first one, and the number of `weights`.
    """
    model = _padded_network(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss_of = nn.CrossEntropyLoss()
    channels, size = network["image"]
    images = torch.randn(network["batch_size"], channels, size, size)
    labels = torch.randint(network["classes"], (network["batch_size"],))
    seconds = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    return {"seconds": seconds[1:], "weights": weights}


def padded_matrix(kernel: Any, size: int, stride: int, padding: int) -> Any:
    """Returns the dense matrix of a convolution on images with their zeros.

    Args:
        kernel: `(F, C, k, k)`.
        size: Height and width of the image without its zeros.

    Returns:
        `(F * H' * W', C * (size + 2 * padding)**2)`.
    """
    filters, channels, reach, _ = kernel.shape
    padded = size + 2 * padding
    count = (padded - reach) // stride + 1
    matrix = torch.zeros(filters, count, count, channels, padded, padded)
    for unit in range(filters):
        for row in range(count):
            top = row * stride
            for column in range(count):
                left = column * stride
                window = matrix[unit, row, column]
                window = window[:, top : top + reach, left : left + reach]
                window.copy_(kernel[unit])
    return matrix.view(filters * count * count, channels * padded * padded)


class PaddedLinear(nn.Module):
    """Pads the image, flattens it, and multiplies it with one dense matrix."""

    def __init__(self, conv: Any, size: int, padding: int):
        super().__init__()
        with torch.no_grad():
            matrix = padded_matrix(conv.weight, size, conv.stride[0], padding)
        outputs, inputs = matrix.shape
        self.shape = (conv.out_channels, *_square(outputs, conv.out_channels))
        self.pad = nn.ZeroPad2d(padding)
        self.linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
        self.linear.weight = nn.Parameter(matrix)
        per_unit = math.prod(self.shape[1:])
        bias = conv.bias.detach().repeat_interleave(per_unit)
        self.linear.bias = nn.Parameter(bias)

    def forward(self, images: Any) -> Any:
        units = self.linear(self.pad(images).flatten(1))
        return units.view(-1, *self.shape)


def _padded_network(network):
    layers, convolutions = [], _convolutions(network)
    for entry in network["stack"]:
        if "window" in entry:
            layers.append(nn.MaxPool2d(entry["window"], entry["stride"]))
        else:
            layers += [PaddedLinear(*next(convolutions)), nn.ReLU()]
    return nn.Sequential(*layers, *head(network, _feature_shape(network)))


def head(network: dict[str, Any], features: int) -> list[Any]:
    """Returns the layers behind the convolutions, which give `features`."""
    layers = [nn.Flatten()]
    for units in network["hidden"]:
        layers += [nn.Dropout(network["dropout"])]
        layers += [nn.Linear(features, units), nn.ReLU()]
        features = units
    return [*layers, nn.Linear(features, network["classes"])]


def _convolutions(network):
    """Yields each convolution, the size of its image, and its padding."""
    for entry, channels, size in _walk(network):
        if "kernel" in entry:
            conv = nn.Conv2d(
                channels, entry["channels"], entry["kernel"], entry["stride"]
            )
            yield conv, size, entry["padding"]


def _walk(network):
    """Yields each entry of the stack with the channels and size before it."""
    channels, size = network["image"]
    for entry in network["stack"]:
        yield entry, channels, size
        reach = entry.get("kernel", entry.get("window"))
        size = size + 2 * entry.get("padding", 0) - reach
        size = size // entry["stride"] + 1
        channels = entry.get("channels", channels)
    yield {}, channels, size


def _feature_shape(network):
    *_, (_, channels, size) = _walk(network)
    return channels * size**2


def _square(outputs, filters):
    side = math.isqrt(outputs // filters)
    return side, side
