"""Tests of what a GPU would run: nothing of it takes the way over the host.

Without a GPU: TensorFlow knows which kernels it has for one, and which of their
inputs these take from the host's memory.
"""

import functools
import itertools
import math
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from tensorflow.python.framework import kernels as kernels_lib

from needle_tf.callbacks import gradient_norm
from needle_tf.callbacks import layer_rotation
from needle_tf.callbacks import path_ratios
from needle_tf.callbacks import second_moments
from needle_tf.callbacks import stepwise_rotation
from needle_tf.callbacks import subspace_distance
from needle_tf.embedding import convert
from needle_tf.optimizers import ec_opt
from needle_tf.optimizers import layca

# Run by TensorFlow's executor, whose parts have kernels; what is given.
NO_KERNEL_NEEDED = {"Placeholder", "PartitionedCall", "StatefulPartitionedCall"}
# A seed of dropout, a condition: not images, activations or weights.
MOST_NUMBERS = 2
# Keras' accuracy looks for negative zeros among the logits, as integers.
OF_KERAS = ("Less", "BitwiseAnd")
OPTIMIZERS = {
    "sgd": lambda model: keras.optimizers.SGD(0.1, momentum=0.9),
    "layca": lambda model: layca.Layca(keras.optimizers.Adam(), 0.1),
    "ec_sgd": lambda model: ec_opt.ECOpt(keras.optimizers.SGD(0.1), model),
}
MONITORS = {
    "distance": lambda folder, data: subspace_distance.SubspaceDistance(
        folder, every_steps=1
    ),
    "gradient": lambda folder, data: gradient_norm.GradientNorm(folder, *data),
    "rotation": lambda folder, data: layer_rotation.LayerRotation(
        every_steps=1
    ),
    "stepwise": lambda folder, data: stepwise_rotation.StepwiseRotation(),
    "moments": lambda folder, data: second_moments.SecondMoments(),
    "paths": lambda folder, data: path_ratios.PathRatios(folder),
}


def efcn():
    """Returns an eFCN with each kind of layer that the protocol's have."""
    layers = keras.layers
    return convert.embed(
        keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(4, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(3, 2, activation="relu"),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(3),
            ]
        )
    )


def traced(optimizer, monitors, folder, **compiled):
    """Returns the graphs of all that a fit of an eFCN calls, by name."""
    made, make = [], tf.function

    def keep(*arguments, **settings):
        function = make(*arguments, **settings)
        made.append(function)
        return function

    model = efcn()
    rng = np.random.default_rng(0)
    data = rng.normal(size=(8, 6, 6, 2)).astype("float32"), np.arange(8) % 3
    with mock.patch.object(tf, "function", keep):
        model.compile(
            OPTIMIZERS[optimizer](model),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=False,
            **compiled,
        )
        model.fit(
            *data,
            batch_size=4,
            verbose=0,
            callbacks=[MONITORS[each](folder, data) for each in monitors],
        )
    return [
        graph
        for function in made
        for concrete in function._list_all_concrete_functions()
        for graph in with_inner(concrete.graph)
    ]


def with_inner(graph):
    """Yields a graph and those of all functions that it calls."""
    yield graph
    for definition in graph.as_graph_def().library.function:
        yield graph._get_function(definition.signature.name).graph


@functools.cache
def kernels_of(kind):
    """Returns the kernels that a GPU may run for a kind of operation."""
    found = kernels_lib.get_registered_kernels_for_op(kind).kernel
    ranked = {"GPU": 0, "DEFAULT": 1}
    usable = [kernel for kernel in found if kernel.device_type in ranked]
    return sorted(usable, key=lambda kernel: ranked[kernel.device_type])


def kernel_of(operation):
    """Returns the kernel that a GPU has for an operation; None without."""
    fitting = (k for k in kernels_of(operation.type) if fits(k, operation))
    return next(fitting, None)


def fits(kernel, operation):
    for constraint in kernel.constraint:
        allowed = constraint.allowed_values.list.type
        asked = operation.get_attr(constraint.name)
        asked = asked if isinstance(asked, list) else [asked]
        if not all(each.as_datatype_enum in allowed for each in asked):
            return False
    return True


def inputs_by_name(operation):
    """Yields the name of an argument with each tensor that it stands for."""
    inputs = iter(operation.inputs)
    for argument in operation.op_def.input_arg:
        count = 1
        if argument.number_attr:
            count = operation.get_attr(argument.number_attr)
        elif argument.type_list_attr:
            count = len(operation.get_attr(argument.type_list_attr))
        for tensor in itertools.islice(inputs, count):
            yield argument.name, tensor


def is_known_beforehand(tensor):
    """Returns whether it follows from constants and shapes alone."""
    operation = tensor.op
    if operation.type in ("Const", "Shape"):
        return True
    if operation.type == "Placeholder" or operation.op_def.is_stateful:
        return False
    return all(map(is_known_beforehand, operation.inputs))


def fetched(operation, kernel):
    """Returns the tensors that a kernel waits for from the device."""
    return [
        tensor
        for name, tensor in inputs_by_name(operation)
        if name in kernel.host_memory_arg
        and tensor.dtype != tf.resource
        and not (tensor.shape.num_elements() or math.inf) <= MOST_NUMBERS
        and not is_known_beforehand(tensor)
    ]


def over_the_host(graphs):
    """Returns what the host computes or is sent, as pairs of kinds."""
    found = set()
    for graph in graphs:
        for operation in graph.get_operations():
            if operation.type in NO_KERNEL_NEEDED:
                continue
            kernel = kernel_of(operation)
            if kernel is None:
                found.add((operation.type, "no kernel"))
                continue
            for tensor in fetched(operation, kernel):
                found.add((operation.type, tensor.op.type))
    return found


class GpuPathTest(parameterized.TestCase):
    @parameterized.parameters(
        ("sgd", ("distance", "gradient", "rotation", "stepwise")),
        ("layca", ("moments",)),
        ("ec_sgd", ("paths",)),
    )
    def test_training_and_monitors_stay_on_the_device(self, optimizer, names):
        folder = self.create_tempdir().full_path
        graphs = traced(optimizer, names, folder)
        kinds = {
            each.type for graph in graphs for each in graph.get_operations()
        }
        # The step and, but for those that look at it, each monitor is there.
        self.assertContainsSubset({"MatMul", "AssignVariableOp"}, kinds)
        self.assertGreater(len(graphs), 3)
        self.assertLessEqual(over_the_host(graphs), {OF_KERAS})

    @parameterized.named_parameters(
        (
            "python",
            lambda x: tf.numpy_function(np.sin, [x], tf.float32),
            ("PyFunc", "no kernel"),
        ),
        ("text", tf.strings.as_string, ("AsString", "no kernel")),
        (
            "integers",
            lambda x: tf.less(tf.cast(x, tf.int32), 3),
            ("Less", "Cast"),
        ),
        (
            "shape_of_results",
            lambda x: tf.reshape(x, tf.cast(x[:, 0], tf.int32)),
            ("Reshape", "Cast"),
        ),
    )
    def test_way_over_the_host_would_be_noticed(self, compute, expected):
        function = tf.function(compute, reduce_retracing=False)
        images = tf.TensorSpec((6, 2), tf.float32)
        graph = function.get_concrete_function(images).graph
        self.assertIn(expected, over_the_host(with_inner(graph)))


if __name__ == "__main__":
    absltest.main()
