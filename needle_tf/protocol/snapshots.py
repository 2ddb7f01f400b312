"""How large the checkpoints of a run will be, said before it begins.

A checkpoint holds the weights of a network and the slots of its optimizer, in
float32.
"""

import dataclasses
import math
import shutil
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import keras

from needle_tf.embedding import weight_counts
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import recorder
from needle_tf.protocol import run_folder

_FLOAT = 4


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of checkpoints.

    Attributes:
        of_kinds: Of one checkpoint of each kind of network.
        kept: Of all that stay.
        in_passing: What the largest stage needs besides while it trains.
    """

    of_kinds: Mapping[str, int]
    kept: int
    in_passing: int


def sizes(
    cnn: keras.Model,
    plans: Sequence[plan_lib.StagePlan],
    layers: Sequence[str] | None,
) -> Sizes:
    """Returns the sizes of the checkpoints of some stages, about.

    Args:
        cnn: The compiled CNN, its optimizer built.
        plans: The stages.
        layers: Names of the convolutions that are embedded; None for all.
    """
    slots = _size(cnn.optimizer.variables) / max(_size(cnn.variables), 1)
    kinds = dict.fromkeys(plan.kind for plan in plans)
    found = {
        kind: round(_FLOAT * (1 + slots) * _count(cnn, kind, layers))
        for kind in kinds
    }
    kept = sum(
        found[plan.kind] * len(plan.kept_epochs)
        for plan in plans
        if plan.is_kept
    )
    # Two to go on from, and one that is being written.
    passing = (recorder.RESUME_POINTS + 1) * max(found.values(), default=0)
    return Sizes(found, kept, passing)


def of_run(
    config: config_lib.ProtocolConfig,
    cnn: keras.Model,
    folder: run_folder.RunFolder | None = None,
) -> Sizes:
    """Returns the sizes of what a run is still to write.

    Args:
        config: Its configuration.
        cnn: Its compiled CNN.
        folder: Where stages may have begun; those count no more.
    """
    plans = [
        plan
        for plan in plan_lib.stages(config)
        if folder is None or not folder.stage(plan.name).exists()
    ]
    return sizes(cnn, plans, config.relaxed_layers or None)


def require_room(
    found: Sizes,
    config: config_lib.ProtocolConfig,
    folder: run_folder.RunFolder,
) -> str:
    """Returns a line that says what goes to the disk.

    Raises:
        ValueError: If the disk has not that much left.
    """
    free = shutil.disk_usage(folder.path).free
    each = ", ".join(
        f"{kind} {in_words(size)}" for kind, size in found.of_kinds.items()
    )
    line = (
        f"snapshots (--snapshots={config.snapshots}): {in_words(found.kept)} "
        f"will be kept, {in_words(found.in_passing)} more in passing; one "
        f"takes: {each}; free: {in_words(free)}"
    )
    if found.kept + found.in_passing > free:
        raise ValueError(
            f"the disk of {folder.path} is too small: {line}. Free some space, "
            "name another --run_dir, or keep less by --snapshots=none and "
            "--log_checkpoints=0."
        )
    return line


def in_words(count: float) -> str:
    """Returns a number of bytes with its unit: 950 B, 12.3 MB, 1.5 GB."""
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def _count(cnn, kind, layers):
    """Returns how many weights a network of a kind has."""
    if kind == "cnn":
        return _size(cnn.variables)
    space = "lcn" if kind in ("lcn", "elcn") else "fcn"
    return weight_counts.count_embedded(cnn, space, layers)


def _size(variables: Iterable) -> int:
    return sum(math.prod(variable.shape) for variable in variables)
