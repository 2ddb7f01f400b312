"""The kernels of a model, by name and in model order.

A kernel is a weight of two or more axes that Keras calls so: `kernel` of dense
layers and convolutions, `depthwise_kernel`, `recurrent_kernel`, ... Biases,
the scales of normalisations and embedding tables are none.
"""

import keras

from needle_tf.graphs import rewiring


def is_kernel(variable: keras.Variable) -> bool:
    """Returns whether a weight is a kernel: by its name and its axes."""
    return variable.name.endswith("kernel") and len(variable.shape) >= 2


def named_kernels(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns the kernels of a model, each once, in the order of its layers.

    Keys are layer names as `rewiring.named_layers` gives them; a layer with
    several kernels adds what tells them apart, as `sep/depthwise_kernel`.
    """
    found: dict[str, keras.Variable] = {}
    seen: set[int] = set()
    for name, layer in rewiring.named_layers(model).items():
        kernels = [
            v for v in layer.weights if is_kernel(v) and id(v) not in seen
        ]
        seen.update(id(v) for v in kernels)
        for kernel in kernels:
            key = name
            if len(kernels) > 1:
                key = f"{name}/{_within(layer, kernel)}"
            found[rewiring.free_name(key, set(found))] = kernel
    return found


def _within(layer: keras.Layer, kernel: keras.Variable) -> str:
    """Returns the path of a kernel from its layer on."""
    parts = kernel.path.split("/")
    if layer.name in parts[:-1]:
        parts = parts[parts.index(layer.name) + 1 :]
    return "/".join(parts)
