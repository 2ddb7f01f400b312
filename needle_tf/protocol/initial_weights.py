"""What a training run does to the weights of a network before it is trained.

    initial weights -> skeleton weights of 1 -> units rescaled

Both are for comparisons on equal terms: an optimizer of weights and one of
path values from one start, and from one function whose units have any scale.
"""

import math

import keras
import numpy as np

from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import training_config
from needle_tf.scales import rescaling
from needle_tf.scales import scale_groups
from needle_tf.scales import skeletons


def settle(
    network: keras.Model, config: training_config.TrainingConfig
) -> None:
    """Gives a network the start that its run asks for, in place.

    Args:
        network: The network with its initial weights.
        config: With `skeleton_start`, `unit_scale_spread` and `init_seed`.

    Raises:
        ValueError: If something is asked for and no unit of the network has a
            scale to be chosen.
    """
    if not config.skeleton_start and config.unit_scale_spread == 1:
        return
    graph = scale_groups.scale_graph(network)
    _require_groups(graph, network, config)
    if config.skeleton_start:
        skeletons.start_at_one(graph, skeletons.choose(graph), network)
    if config.unit_scale_spread > 1:
        scales = drawn_scales(
            graph.num_groups, config.unit_scale_spread, config.init_seed
        )
        rescaling.rescale(network, scales, graph)


def drawn_scales(count: int, spread: float, seed: int) -> np.ndarray:
    """Returns factors that are log-uniform in [1/spread, spread].

    Args:
        count: How many.
        spread: At least 1.
        seed: Decides them, whatever the network.

    Returns:
        `(count,)`, float64.
    """
    rng = np.random.default_rng(plan_lib.seed_of(seed, "unit scales"))
    reach = math.log(spread)
    return np.exp(rng.uniform(-reach, reach, count))


def _require_groups(graph, network, config):
    if graph.num_groups:
        return
    asked = "--skeleton_start"
    if not config.skeleton_start:
        asked = f"--unit_scale_spread={config.unit_scale_spread}"
    reasons = "; ".join(f"{one.where}: {one.why}" for one in graph.grounded)
    raise ValueError(
        f'{asked} would be ignored: no unit of "{network.name}" has a scale '
        f"that may be chosen. Grounded: {reasons or 'nothing'}. Take a "
        "network with hidden units between linear layers and ReLU, or leave "
        f"{asked.partition('=')[0]} away."
    )
