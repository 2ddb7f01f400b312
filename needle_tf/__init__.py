"""needle_tf: architectural bias, weight rotation and rescaling symmetry.

The public names. Importing the package registers its layers and optimizers
with Keras, so that saved models load; only `python -m needle_tf.main` and the
other binaries put that off until their flags are read (`sys.argv[0]` is "-m"
just then).
"""

import importlib
import sys

_PUBLIC = {
    "ConvGeometry": "ops.conv_geometry",
    "Distances": "ops.subspace",
    "EmbeddedConv2D": "layers.embedded_conv2d",
    "LayerRotation": "callbacks.layer_rotation",
    "LocallyConnected2D": "layers.locally_connected2d",
    "MaskedDense": "layers.masked_dense",
    "PathRatios": "callbacks.path_ratios",
    "ScaleGraph": "scales.scale_groups",
    "SecondMoments": "callbacks.second_moments",
    "StepwiseRotation": "callbacks.stepwise_rotation",
    "SubspaceDistance": "callbacks.subspace_distance",
    "balance": "scales.rescaling",
    "basis_path_values": "scales.equivalence",
    "conv2d_to_matrix": "ops.unrolling",
    "draw_layer_rotation": "figures.training_figures",
    "embed": "embedding.convert",
    "equivalence": "scales.equivalence",
    "rescale": "scales.rescaling",
    "scale_graph": "scales.scale_groups",
    "skip_unread_units": "embedding.unread_units",
    "subspace_distance": "embedding.distances",
    "unembed": "embedding.unembed",
    "update_in_place": "optimizers.local_updates",
}

__all__ = sorted(_PUBLIC)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(
            f"module 'needle_tf' has no attribute {name!r}. "
            f"Its public names: {', '.join(__all__)}."
        )
    module = importlib.import_module(f"needle_tf.{_PUBLIC[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value


# Another package that `python -m` starts may import us from its own door.
_own_binary = sys.argv[:1] == ["-m"] and any(
    word.removeprefix("-m").startswith("needle_tf.") for word in sys.orig_argv
)
if not _own_binary:
    from needle_tf import optimizers

    for _name in __all__:
        __getattr__(_name)
    for _name in optimizers.__all__:
        getattr(optimizers, _name)
