"""Convolutions drawn by hypothesis: every argument, small sizes."""

from hypothesis import strategies as st

from tests.oracles import dense_convolution

_KERNEL = st.tuples(st.integers(1, 4), st.integers(1, 4))
_STRIDES = st.tuples(st.integers(1, 3), st.integers(1, 3))
_DILATION = st.tuples(st.integers(1, 2), st.integers(1, 2))
_MARGIN = st.tuples(st.integers(0, 2), st.integers(0, 2))


@st.composite
def convolutions(
    draw: st.DrawFn, *, as_keras: bool = False
) -> dense_convolution.Convolution:
    """Draws a convolution that has at least one output position.

    Rectangular images and kernels, channels and filters of different number,
    groups from one to depthwise, zeros in front of it.

    Args:
        as_keras: Leave out what `keras.layers.Conv2D` refuses: strides and
            dilation together.
    """
    strides, dilation_rate = draw(_STRIDES), draw(_DILATION)
    if as_keras and max(strides) > 1:
        dilation_rate = (1, 1)
    groups = draw(st.integers(1, 3))
    sizes = {
        "kernel_size": draw(_KERNEL),
        "strides": strides,
        "padding": draw(st.sampled_from(["same", "valid"])),
        "dilation_rate": dilation_rate,
        "zero_padding": (draw(_MARGIN), draw(_MARGIN)),
    }
    return dense_convolution.Convolution(
        input_shape=(
            *(draw(_image_side(axis, **sizes)) for axis in range(2)),
            groups * draw(st.integers(1, 2)),
        ),
        filters=groups * draw(st.integers(1, 3)),
        groups=groups,
        **sizes,
    )


def _image_side(
    axis, *, kernel_size, padding, dilation_rate, zero_padding, **_
):
    """Sides on which the kernel finds room."""
    least = 1
    if padding == "valid":
        reach = (kernel_size[axis] - 1) * dilation_rate[axis] + 1
        least = max(1, reach - sum(zero_padding[axis]))
    return st.integers(least, least + 4)
