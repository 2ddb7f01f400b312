"""Where each tap of a convolution lands in its equivalent dense matrix.

Output row `i` reads input row `a = i * stride + u * dilation - padding` through
tap `u`; columns alike. Rows and columns are independent of each other and of
the channels, so everything here is a product of small one-axis facts and no
array of the dense size is ever made.
"""

import dataclasses
import math
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from needle_tf.ops import sizes


class Tap(NamedTuple):
    """One tap `(u, v)` and the output rows and columns that it serves.

    `rows` and `columns` are slices of the output positions whose input pixel
    lies inside the image; `top` and `left` are the first such input pixels.
    """

    u: int
    v: int
    rows: slice
    columns: slice
    top: int
    left: int

    @property
    def positions(self) -> int:
        """Number of output positions that this tap serves."""
        return (self.rows.stop - self.rows.start) * (
            self.columns.stop - self.columns.start
        )


@dataclasses.dataclass(frozen=True)
class ConvGeometry:
    """The shape of one 2D convolution on one size of image.

    All shapes are in the order `(height, width, channels)`, whatever the data
    format of the layer that the geometry came from.

    Args:
        input_shape: `(H, W, C)` of the image, without padding.
        kernel_size: `(kh, kw)`.
        filters: Number of output channels F.
        output_size: `(H', W')`.
        strides: `(sh, sw)`.
        dilation_rate: `(dh, dw)`.
        padding: `(top, left)` rows and columns of zeros before the image. What
            follows the image is implied by `output_size`.
        groups: Number of channel groups; divides C and F.

    Raises:
        ValueError: If a size is not a positive integer or the groups do not
            divide the channels.

    Reference: `D[(a,b,c),(i,j,f)] = K[u,v,c',f]`, the embedding of d'Ascoli et
    al., arXiv:1906.06766. Unlike the authors' code, no row stands for a padded
    pixel: padding is a shift of the taps.
    """

    input_shape: tuple[int, int, int]
    kernel_size: tuple[int, int]
    filters: int
    output_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilation_rate: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    def __post_init__(self) -> None:
        for name, length in _LENGTHS.items():
            least = 0 if name == "padding" else 1
            value = sizes.read_integers(
                getattr(self, name), name, length, least
            )
            object.__setattr__(self, name, value)
        for name in ("filters", "groups"):
            value = sizes.read_integer(getattr(self, name), name)
            object.__setattr__(self, name, value)
        channels = self.input_shape[2]
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(
                "`groups` must divide the input channels and the filters. "
                f"Received: groups={self.groups}, channels={channels}, "
                f"filters={self.filters}."
            )

    @classmethod
    def of_convolution(
        cls,
        input_shape: Sequence[int],
        kernel_size: int | Sequence[int],
        filters: int,
        *,
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        zero_padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0),) * 2,
    ) -> "ConvGeometry":
        """Returns the geometry of a Keras convolution on `(H, W, C)` images.

        Args:
            kernel_size, strides, dilation_rate: One integer or two.
            padding: `"valid"` or `"same"`, as Keras defines them: "same" with a
                stride pads unevenly, the odd pixel at the end.
            zero_padding: `((top, bottom), (left, right))` of a `ZeroPadding2D`
                in front of the convolution, to be folded into the geometry.

        Raises:
            ValueError: If an argument is unknown or the kernel does not fit.
        """
        _require_padding(padding)
        input_shape = sizes.read_integers(input_shape, "input_shape", 3, 1)
        kernel_size = sizes.read_pair(kernel_size, "kernel_size")
        strides = sizes.read_pair(strides, "strides")
        dilation_rate = sizes.read_pair(dilation_rate, "dilation_rate")
        zero_padding = sizes.read_margins(zero_padding, "zero_padding")
        axes = [
            _positions(size, (taps - 1) * rate + 1, stride, padding, zeros)
            for size, taps, rate, stride, zeros in zip(
                input_shape[:2],
                kernel_size,
                dilation_rate,
                strides,
                zero_padding,
                strict=True,
            )
        ]
        output_size, before = zip(*axes, strict=True)
        if min(output_size) < 1:
            raise ValueError(
                "The kernel reaches beyond the image: "
                f"kernel_size={kernel_size}, dilation_rate={dilation_rate}, "
                f"input_shape={input_shape}. Use larger images or "
                'padding="same".'
            )
        return cls(
            input_shape=input_shape,
            kernel_size=kernel_size,
            filters=filters,
            output_size=output_size,
            strides=strides,
            dilation_rate=dilation_rate,
            padding=before,
            groups=groups,
        )

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """`(H', W', F)`."""
        return (*self.output_size, self.filters)

    @property
    def positions(self) -> int:
        """Number of output positions, `H' * W'`."""
        return math.prod(self.output_size)

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """`(kh, kw, C / groups, F)`: the kernel of the convolution."""
        return (*self.kernel_size, self.group_inputs, self.filters)

    @property
    def local_shape(self) -> tuple[int, int, int]:
        """`(H' * W', kh * kw * C / groups, F)`: one kernel per position."""
        taps = math.prod(self.kernel_size)
        return (self.positions, taps * self.group_inputs, self.filters)

    @property
    def dense_shape(self) -> tuple[int, int]:
        """`(H * W * C, H' * W' * F)`: the kernel of the dense layer."""
        return (math.prod(self.input_shape), math.prod(self.output_shape))

    @property
    def group_inputs(self) -> int:
        """Input channels of one group, `C / groups`."""
        return self.input_shape[2] // self.groups

    @property
    def group_outputs(self) -> int:
        """Output channels of one group, `F / groups`."""
        return self.filters // self.groups

    def taps(self) -> Iterator[Tap]:
        """Yields the taps that serve at least one output position."""
        heights = [self._reach(0, u) for u in range(self.kernel_size[0])]
        widths = [self._reach(1, v) for v in range(self.kernel_size[1])]
        for u, (rows, top) in enumerate(heights):
            for v, (columns, left) in enumerate(widths):
                tap = Tap(u, v, rows, columns, top, left)
                if rows.stop > rows.start and columns.stop > columns.start:
                    yield tap

    def _reach(self, axis: int, tap: int) -> tuple[slice, int]:
        """Output range along `axis` whose pixel under `tap` is in the image."""
        size, stride = self.input_shape[axis], self.strides[axis]
        offset = tap * self.dilation_rate[axis] - self.padding[axis]
        start = max(0, -(offset // stride))
        stop = min(self.output_size[axis], (size - 1 - offset) // stride + 1)
        return slice(start, max(start, stop)), start * stride + offset

    def axis_mask(self, axis: int, radius: int = 0) -> np.ndarray:
        """Returns which input may reach which output along one axis.

        Args:
            axis: 0 for rows, 1 for columns.
            radius: Input pixels around each tap that count as reached.

        Returns:
            Booleans, `(H, H')` or `(W, W')`.
        """
        pixels = np.arange(self.input_shape[axis])[:, None, None]
        outputs = np.arange(self.output_size[axis])[None, :, None]
        taps = np.arange(self.kernel_size[axis])[None, None, :]
        read = outputs * self.strides[axis] - self.padding[axis]
        read = read + taps * self.dilation_rate[axis]
        return (np.abs(pixels - read) <= radius).any(axis=-1)

    def spatial_mask(self, radius: int = 0) -> np.ndarray:
        """Returns which pixel may reach which position, `(H*W, H'*W')`.

        With `radius=0`: the receptive fields. With a radius: every pixel whose
        row and column both lie within `radius` pixels of a tap (taps in the
        padding count, so an infinite radius leaves nothing out).
        """
        mask = np.kron(self.axis_mask(0, radius), self.axis_mask(1, radius))
        return mask.astype(bool)

    def free_entries(self, radius: int | None = 0) -> int:
        """Number of dense weights within `radius`; `None` counts all of them.

        Channels of different groups stay apart at any radius but `None`.
        """
        if radius is None:
            return math.prod(self.dense_shape)
        pairs = (
            self.axis_mask(0, radius).sum() * self.axis_mask(1, radius).sum()
        )
        return int(pairs) * self.group_inputs * self.filters

    def keras_padding(self) -> str | tuple[tuple[int, int], tuple[int, int]]:
        """Returns the padding as a layer would be given it.

        `"valid"` or `"same"` where that is what it is, else the zeros around
        the image that the taps reach, `((top, bottom), (left, right))`.
        """
        for padding in ("valid", "same"):
            if self._fits(padding=padding):
                return padding
        return self.margins()

    def margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns the rows and columns of zeros that the taps reach.

        `((top, bottom), (left, right))`; 0 at an end where rows of the image
        are left over.
        """
        margins = []
        for axis in range(2):
            before = self.padding[axis]
            reach = (self.kernel_size[axis] - 1) * self.dilation_rate[axis]
            last = (self.output_size[axis] - 1) * self.strides[axis]
            after = last + reach + 1 - before - self.input_shape[axis]
            margins.append((before, max(0, after)))
        return tuple(margins)

    def _fits(self, padding):
        """Whether `padding` alone leads to this geometry."""
        try:
            plain = ConvGeometry.of_convolution(
                self.input_shape,
                self.kernel_size,
                self.filters,
                strides=self.strides,
                padding=padding,
                dilation_rate=self.dilation_rate,
                groups=self.groups,
            )
        except ValueError:
            return False
        return plain == self

    def get_config(self) -> dict[str, Any]:
        """Returns plain JSON types for `from_config`."""
        config = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in config.items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConvGeometry":
        """Returns the geometry that `config` came from."""
        return cls(**config)


_LENGTHS = {
    "input_shape": 3,
    "kernel_size": 2,
    "output_size": 2,
    "strides": 2,
    "dilation_rate": 2,
    "padding": 2,
}


def _require_padding(padding):
    if padding not in ("valid", "same"):
        raise ValueError(
            '`padding` must be "valid" or "same". '
            f"Received: padding={padding!r}."
        )


def _positions(size, reach, stride, padding, zeros):
    """Number of positions along one axis, and all zeros before the image."""
    first, last = zeros
    size = size + first + last
    if padding == "valid":
        return (size - reach) // stride + 1, first
    count = -(-size // stride)
    missing = max((count - 1) * stride + reach - size, 0)
    return count, first + missing // 2
