"""Convolutions the slow and obvious way: position by position, in float64.

The image is really padded, each output position really cuts its window out of
it, and a dense matrix is what the map answers to each basis image. Nothing
here knows a formula for where a weight lands.
"""

import dataclasses
import math
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Convolution:
    """The arguments of one convolution on one size of image.

    The fields are those of `conv2d_to_matrix`; sizes are `(height, width)`.
    """

    input_shape: tuple[int, int, int]
    kernel_size: tuple[int, int]
    filters: int
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    dilation_rate: tuple[int, int] = (1, 1)
    groups: int = 1
    zero_padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    def arguments(self) -> dict[str, Any]:
        """Returns all fields by name."""
        return dict(vars(self))

    def options(self) -> dict[str, Any]:
        """Returns everything but the sizes of image and kernel."""
        sizes = ("input_shape", "kernel_size", "filters")
        return {k: v for k, v in vars(self).items() if k not in sizes}

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """`(kh, kw, C / groups, F)`."""
        channels = self.input_shape[2] // self.groups
        return (*self.kernel_size, channels, self.filters)

    @property
    def reach(self) -> tuple[int, int]:
        """Pixels from the first to the last tap, both counted."""
        return tuple(
            range(0, size * rate, rate)[-1] + 1
            for size, rate in zip(
                self.kernel_size, self.dilation_rate, strict=True
            )
        )

    def margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """All zeros around the image, those of "same" included."""
        margins = []
        for axis, (before, after) in enumerate(self.zero_padding):
            if self.padding == "same":
                size = self.input_shape[axis] + before + after
                stride = self.strides[axis]
                # As many positions as there are strides begun on the image,
                # and just enough zeros for them, an odd one at the end.
                last = range(0, size, stride)[-1]
                missing = max(last + self.reach[axis] - size, 0)
                before += missing // 2
                after += missing - missing // 2
            margins.append((before, after))
        return tuple(margins)

    def starts(self) -> tuple[range, range]:
        """First rows and columns of the windows in the padded image."""
        starts = []
        for axis, (before, after) in enumerate(self.margins()):
            size = self.input_shape[axis] + before + after
            room = size - self.reach[axis] + 1
            starts.append(range(0, max(room, 0), self.strides[axis]))
        return tuple(starts)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """`(H', W', F)`."""
        rows, columns = self.starts()
        return (len(rows), len(columns), self.filters)


def convolve(
    images: np.ndarray, kernel: np.ndarray, convolution: Convolution
) -> np.ndarray:
    """Returns `(batch, H', W', F)`, the same kernel at every position."""
    height, width, _ = convolution.output_shape
    everywhere = np.broadcast_to(
        kernel.reshape(-1, convolution.filters),
        (height * width, kernel[..., 0].size, convolution.filters),
    )
    return convolve_untied(images, everywhere, convolution)


def convolve_untied(
    images: np.ndarray, kernel: np.ndarray, convolution: Convolution
) -> np.ndarray:
    """Returns `(batch, H', W', F)`, position by position.

    Args:
        images: `(batch, H, W, C)`.
        kernel: `(H' * W', kh * kw * C / groups, F)`.
    """
    padded = np.pad(
        np.asarray(images, "float64"),
        ((0, 0), *convolution.margins(), (0, 0)),
    )
    answers = np.zeros((len(images), *convolution.output_shape))
    inputs = convolution.kernel_shape[2]
    outputs = convolution.filters // convolution.groups
    kernels = iter(np.asarray(kernel, "float64"))
    rate, reach = convolution.dilation_rate, convolution.reach
    for i, top in enumerate(convolution.starts()[0]):
        for j, left in enumerate(convolution.starts()[1]):
            window = padded[
                :,
                top : top + reach[0] : rate[0],
                left : left + reach[1] : rate[1],
            ]
            weights = next(kernels)
            for group in range(convolution.groups):
                first = group * outputs
                seen = window[..., group * inputs : (group + 1) * inputs]
                answers[:, i, j, first : first + outputs] = (
                    seen.reshape(len(images), -1)
                    @ weights[:, first : first + outputs]
                )
    return answers


def matrix(kernel: np.ndarray, convolution: Convolution) -> np.ndarray:
    """Returns the `(inputs, outputs)` matrix: the answers to basis images."""
    size = math.prod(convolution.input_shape)
    basis = np.eye(size).reshape(size, *convolution.input_shape)
    return convolve(basis, kernel, convolution).reshape(size, -1)


def matrix_untied(kernel: np.ndarray, convolution: Convolution) -> np.ndarray:
    """Returns the matrix of a kernel per position."""
    size = math.prod(convolution.input_shape)
    basis = np.eye(size).reshape(size, *convolution.input_shape)
    return convolve_untied(basis, kernel, convolution).reshape(size, -1)


def labels(convolution: Convolution) -> np.ndarray:
    """Returns which kernel weight each dense entry holds, -1 for none.

    Each entry of the matrix holds one weight at most, so weights that are
    their own number plus 1 come out as that.
    """
    numbers = np.arange(math.prod(convolution.kernel_shape)) + 1.0
    numbers = numbers.reshape(convolution.kernel_shape)
    return matrix(numbers, convolution).astype(int) - 1


def mask(convolution: Convolution, radius: int = 0) -> np.ndarray:
    """Returns which dense entries lie within `radius` of a tap, by loops."""
    height, width, channels = convolution.input_shape
    near = np.zeros((height, width, channels, *convolution.output_shape), bool)
    before = [first for first, _ in convolution.margins()]
    inputs = channels // convolution.groups
    outputs = convolution.filters // convolution.groups
    for i, top in enumerate(convolution.starts()[0]):
        for j, left in enumerate(convolution.starts()[1]):
            for u in range(convolution.kernel_size[0]):
                for v in range(convolution.kernel_size[1]):
                    row = top + u * convolution.dilation_rate[0] - before[0]
                    column = left + v * convolution.dilation_rate[1] - before[1]
                    rows = slice(max(row - radius, 0), max(row + radius + 1, 0))
                    columns = slice(
                        max(column - radius, 0), max(column + radius + 1, 0)
                    )
                    for group in range(convolution.groups):
                        near[
                            rows,
                            columns,
                            group * inputs : (group + 1) * inputs,
                            i,
                            j,
                            group * outputs : (group + 1) * outputs,
                        ] = True
    return near.reshape(height * width * channels, -1)
