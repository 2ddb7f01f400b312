"""What is measured on trained networks, without training them further.

    from needle_tf import analysis
    path = analysis.interpolate(cnn, efcn, test=(images, labels))

What carries the name of its module is reached by it: `curvature.curvature`,
`in_one_space.in_one_space`, `locality.locality`,
`noise_threshold.noise_threshold`, `off_local.off_local`.
"""

import importlib

_PUBLIC = {
    "ChainSettings": "trained_path",
    "Evaluator": "evaluation",
    "ablate": "ablation",
    "interpolate": "interpolation",
    "train_band": "elastic_band",
    "train_string": "elastic_string",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(
            f"module 'needle_tf.analysis' has no attribute {name!r}. "
            f"Its public names: {', '.join(__all__)}."
        )
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)
