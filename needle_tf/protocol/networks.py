"""The networks of a run: the CNN, what it becomes, and how it is compiled."""

import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from needle_tf.callbacks import watched_kernels
from needle_tf.data import batches
from needle_tf.data import images
from needle_tf.embedding import convert
from needle_tf.embedding import selection
from needle_tf.embedding import slots
from needle_tf.embedding import unread_units
from needle_tf.graphs import rewiring
from needle_tf.graphs import second_gradients
from needle_tf.layers import masked_dense
from needle_tf.models import registry as model_registry
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.optimizers import update_in_backward
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_config

# Spaces of `embed` by kind of network.
_SPACES = {
    "efcn": "fcn",
    "band": "band",
    "elcn": "lcn",
    "fcn": "fcn",
    "lcn": "lcn",
}


def build(config: run_config.RunConfig, data: images.ImageData) -> keras.Model:
    """Returns the network that is asked for before training, uncompiled.

    A network by name starts from Keras' random seed, one from a file from the
    weights in the file.

    Raises:
        ValueError: If it does not fit the images.
    """
    if config.model_file is None:
        return model_registry.build(
            config.model, data.input_shape, data.num_classes, width=config.width
        )
    model = _from_file(config.model_file)
    _check_shapes(model, config.model_file, data)
    return model


def build_cnn(
    config: config_lib.ProtocolConfig, data: images.ImageData
) -> keras.Model:
    """Returns the CNN before training, uncompiled; see `build`.

    Raises:
        ValueError: If it does not fit the images or cannot be embedded.
    """
    model = build(config, data)
    # What cannot be embedded is refused now, not after the CNN's training.
    chosen = selection.choose(model, config.relaxed_layers or None, None)
    if config.update_in_backward:
        found = second_gradients.find(model, chosen)
        if found is not None:
            raise ValueError(
                "--update_in_backward needs kernels with one gradient each. "
                f'Received: {found}, in the network "{model.name}". Leave the '
                "flag away, or that out of the model."
            )
    return model


def build_from_scratch(
    plan: plan_lib.StagePlan,
    config: config_lib.ProtocolConfig,
    data: images.ImageData,
) -> keras.Model:
    """Returns a network that starts untrained, uncompiled."""
    cnn = build_cnn(config, data)
    if plan.kind == "cnn":
        return cnn
    return convert.embed(
        cnn,
        _SPACES[plan.kind],
        layers=config.relaxed_layers or None,
        copy_weights=False,
    )


def relax(
    cnn: keras.Model,
    plan: plan_lib.StagePlan,
    config: config_lib.ProtocolConfig,
    data: images.ImageData,
    steps: int,
) -> keras.Model:
    """Returns the relaxed network of a CNN, compiled, with its optimizer.

    Args:
        cnn: The compiled CNN at the relax epoch.
        plan: The stage of the relaxed network.
        config: Its radius, layers and optimizer.
        data: What it will be trained on.
        steps: Training steps per call of the device.
    """
    network, pairs = convert.embed_with_pairs(
        cnn,
        _SPACES[plan.kind],
        radius=config.radius if plan.kind == "band" else None,
        layers=config.relaxed_layers or None,
    )
    compile_network(
        network, plan.learning_rate, config, data, steps, is_trained=True
    )
    if config.optimizer_slots == "embed":
        cnn.optimizer.build(cnn.trainable_variables)
        slots.carry_slots(cnn.optimizer, _that_steps(network.optimizer), pairs)
    return network


def compile_network(
    network: keras.Model,
    learning_rate: "float | keras.optimizers.schedules.LearningRateSchedule",
    config: run_config.RunConfig,
    data: images.ImageData,
    steps: int,
    *,
    is_trained: bool = False,
    **arguments: Any,
) -> None:
    """Gives a network its loss, metric and a new optimizer with empty slots.

    Args:
        network: The network.
        learning_rate: Its step size, or a schedule of it.
        config: The optimizer and its options.
        data: What it will be trained on.
        steps: Training steps per call of the device.
        is_trained: Whether the network was trained before and must stay as it
            is: EC-Opt then takes the skeleton `max_product` in the place of
            `ones`, which sets weights to 1.
        **arguments: Of the optimizer, those that no flag sets.

    Raises:
        ValueError: If XLA is asked for and a layer does not support it, or
            the optimizer cannot train this network.
    """
    options = dict(config.optimizer_options)
    if is_trained and optimizer_registry.needs_model(config.optimizer):
        if options.get("skeleton", "ones") == "ones":
            options["skeleton"] = "max_product"
    is_logits = not _gives_probabilities(network, config, data)
    jit = "auto" if config.jit_compile is None else config.jit_compile
    if config.jit_compile:
        _require_xla(network)
    optimizer = optimizer_registry.build(
        config.optimizer,
        learning_rate=learning_rate,
        model=network,
        **options,
        **arguments,
    )
    unread_units.skip_unread_units(network)
    if config.update_in_backward and _is_dense(network):
        optimizer = update_in_backward.UpdateInBackward(optimizer, network)
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=is_logits),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        steps_per_execution=steps,
        jit_compile=jit,
    )
    network.optimizer.build(network.trainable_variables)


def _is_dense(network):
    """Whether a layer from image to image has all weights free."""
    return any(
        map(masked_dense.is_free, rewiring.named_layers(network).values())
    )


def _that_steps(optimizer):
    if isinstance(optimizer, update_in_backward.UpdateInBackward):
        return optimizer.inner
    return optimizer


def regularise(
    network: keras.Model, factor: float, skips: Sequence[str]
) -> None:
    """Adds `factor * sum of squares` of each kernel to the loss.

    Twice the factor is what other libraries call weight decay. A checkpoint
    does not keep it: call it again for a network that was loaded.

    Args:
        network: Any network with kernels.
        factor: At least 0; 0 changes nothing.
        skips: Names or patterns of kernels that are left out.

    Raises:
        ValueError: If a kernel has a regulariser already, or nothing is called
            like one of `skips`.
    """
    if not factor:
        return
    chosen = watched_kernels.choose(network)
    for name in watched_kernels.choose(network, skips) if skips else ():
        del chosen[name]
    for name, kernel in chosen.items():
        if kernel.regularizer is not None:
            raise ValueError(
                f'--l2={factor} would replace the regulariser of "{name}", '
                f'which the network "{network.name}" brings. Leave --l2 away, '
                f"or name the kernel in --l2_skips."
            )
        kernel.regularizer = keras.regularizers.L2(factor)


def _from_file(model_file: str) -> keras.Model:
    file = pathlib.Path(model_file).expanduser()
    try:
        return keras.saving.load_model(file, compile=False)
    except Exception as error:  # Whatever is in the file raises anything.
        raise ValueError(
            f"--model_file={model_file} cannot be loaded: {error} Expected a "
            "file that `model.save` wrote, of layers that Keras or needle_tf "
            "knows."
        ) from error


def _check_shapes(
    model: keras.Model, model_file: str, data: images.ImageData
) -> None:
    """Refuses a model whose images or classes are others than the data's."""
    name = f'--model_file={model_file} (model "{model.name}")'
    inputs, outputs = model.inputs, model.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{name} must take one batch of images and give one of class "
            f"scores. It has {len(inputs)} inputs and {len(outputs)} outputs."
        )
    shape = tuple(inputs[0].shape[1:])
    if None in shape:
        raise ValueError(
            f"{name} has an unknown input size {shape}: the dense twin of a "
            "convolution needs a fixed one. Build the model with "
            f"keras.Input({data.input_shape})."
        )
    if shape != data.input_shape:
        raise ValueError(
            f"{name} takes images of shape {shape}, and those of "
            f"--dataset={data.name} have {data.input_shape}. Build the model "
            "for these images, or resize them (--image_size, --canvas_size)."
        )
    scores = tuple(outputs[0].shape[1:])
    if scores != (data.num_classes,):
        raise ValueError(
            f"{name} gives {scores} scores per image, and --dataset="
            f"{data.name} has {data.num_classes} classes. Let it end in "
            f"Dense({data.num_classes})."
        )


def _require_xla(network):
    for name, layer in rewiring.named_layers(network).items():
        if not layer.supports_jit:
            raise ValueError(
                f'--jit_compile would be ignored: "{name}" of '
                f'"{network.name}" does not support XLA. Leave it away.'
            )


def _gives_probabilities(network, config, data):
    """Whether a network from a file ends in a softmax, seen by its outputs."""
    if config.model_file is None:
        return False
    two, _ = next(iter(batches.test_batches(data, batch_size=2)))
    scores = network(two, training=False)
    scores = keras.ops.convert_to_numpy(scores).astype("float64")
    is_sum_one = np.abs(scores.sum(axis=-1) - 1) < 1e-2
    return bool((scores >= 0).all() and is_sum_one.all())
