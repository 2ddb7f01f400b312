"""On which device weights lie and operations run, those of gradients too.

A name of a device is whatever `tf.device` takes. TensorFlow goes silently to
another device where one is missing, so names are looked up beforehand.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable
from typing import Any

import keras

Tensor = Any


def check_device(device: str | None) -> str | None:
    """Returns `device` if it exists; None stays None, for no wish.

    Raises:
        ValueError: With the devices that exist, if it does not; on another
            backend than TensorFlow, which has no such placement.
    """
    if device is None:
        return None
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "`device` places weights on TensorFlow only. Received: "
            f"device={device!r} on {keras.backend.backend()}. Leave it out; "
            "with JAX, shard kernels by `keras.distribution.ModelParallel`."
        )
    if not isinstance(device, str) or not _exists(device):
        raise ValueError(
            f"There is no device {device!r} here. Expected one of "
            f"{_known_devices()}."
        )
    return device


def stored_device(device: str | None, name: str) -> str | None:
    """Returns the device of a saved layer, or None if it is not here.

    Warns in that case: a saved model loads anywhere.

    Args:
        name: Of the layer, for the warning.
    """
    try:
        return check_device(device)
    except ValueError as error:
        warnings.warn(
            f'Layer "{name}" was saved for the device {device!r} and goes '
            f"where {keras.backend.backend()} puts it. {error} To place it "
            "anew, use `needle_tf.embed(model, devices=[...])`.",
            stacklevel=2,
        )
        return None


def scope(device: str | None) -> contextlib.AbstractContextManager:
    """Returns a context whose operations run on `device`; None: anywhere."""
    if device is None:
        return contextlib.nullcontext()
    return keras.device(device)


def bound(device: str | None, function: Callable) -> Callable:
    """Returns `function` running within the `scope` of a device."""

    def run_there(*arguments):
        with scope(device):
            return function(*arguments)

    return function if device is None else run_there


def run(
    device: str | None, function: Callable[..., Tensor], *arguments: Any
) -> Tensor:
    """Returns `function(*arguments)`, computed on `device`, gradients too.

    A scope alone is not enough: TensorFlow computes gradients outside it.

    Args:
        function: From tensors to one tensor; reads no variable.
        *arguments: Tensors or variables.
    """
    if device is None:
        return function(*arguments)
    tf = sys.modules["tensorflow"]  # Imported by Keras already.

    @tf.custom_gradient
    def placed(*tensors):
        with scope(device), tf.GradientTape(persistent=True) as tape:
            tape.watch(tensors)
            result = function(*tensors)

        def gradients(upstream):
            return tape.gradient(result, tensors, upstream)

        return result, bound(device, gradients)

    with scope(device):
        tensors = [tf.convert_to_tensor(each) for each in arguments]
    return placed(*tensors)


def _exists(device):
    tf = sys.modules["tensorflow"]
    try:
        wanted = tf.DeviceSpec.from_string(device)
        with tf.init_scope(), tf.device(device):
            found = tf.DeviceSpec.from_string(tf.zeros(()).device)
    except (ValueError, tf.errors.InvalidArgumentError):
        return False
    if wanted.device_type is None:
        return False
    return all(
        getattr(wanted, field) in (None, getattr(found, field))
        for field in ("job", "replica", "task", "device_type", "device_index")
    )


def _known_devices():
    devices = sys.modules["tensorflow"].config.list_logical_devices()
    return [device.name.removeprefix("/device:") for device in devices]
