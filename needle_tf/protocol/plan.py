"""The stages of a run: which networks are trained, from where to where.

    CNN           0 ........................ epochs
    relaxed net           relax_epoch ...... relax_epoch + relaxed_epochs
    from scratch  0 ........................ epochs

One CNN serves all relax epochs; its state at each of them is kept.
"""

import dataclasses
import hashlib

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import training_config

# Name and kind of the one stage of a training run.
TRAINING = "train"
# What is relaxed into each space.
_RELAXED_KINDS = {"fcn": "efcn", "band": "band", "lcn": "elcn"}


@dataclasses.dataclass(frozen=True)
class StagePlan:
    """One network to be trained.

    Attributes:
        name: What it is called in the run folder.
        kind: `cnn`, `efcn`, `band`, `elcn`, `fcn` or `lcn`; `train` in a
            training run.
        relax_epoch: Where it was relaxed; None if it was not.
        first_epoch: Epochs of training behind it when the stage begins.
        last_epoch: Epochs of training behind it when the stage ends.
        learning_rate: Its step size; None where recorded angles stand for it.
        kept_epochs: Epochs whose checkpoints are never deleted, ascending.
        seed: Decides its initial weights and its dropout.
        is_kept: Whether any checkpoint stays when the stage is over.
    """

    name: str
    kind: str
    relax_epoch: int | None
    first_epoch: int
    last_epoch: int
    learning_rate: float | None
    kept_epochs: tuple[int, ...]
    seed: int
    is_kept: bool = True

    @property
    def is_relaxed(self) -> bool:
        """Whether it starts from a checkpoint of the CNN."""
        return self.relax_epoch is not None


def stages(config: config_lib.ProtocolConfig) -> list[StagePlan]:
    """Returns all stages in the order in which they are run.

    The CNN comes first, then what is relaxed from it, epoch by epoch, then the
    nets from scratch.
    """
    kept = set(config.relax_epochs)
    if config.log_checkpoints:
        kept |= {0, *log_spaced_epochs(config.epochs, config.log_checkpoints)}
    plans = [_from_scratch(config, "cnn", tuple(sorted(kept)))]
    relaxed = [_RELAXED_KINDS[config.space]]
    relaxed += [name for name in config.baselines if name == "elcn"]
    for epoch in config.relax_epochs:
        plans += [_relaxed(config, kind, epoch) for kind in relaxed]
    return plans + [
        _from_scratch(config, name)
        for name in config.baselines
        if name != "elcn"
    ]


def training(config: training_config.TrainingConfig) -> StagePlan:
    """Returns the one stage of a training run."""
    return StagePlan(
        name=TRAINING,
        kind=TRAINING,
        relax_epoch=None,
        first_epoch=0,
        last_epoch=config.epochs,
        learning_rate=config.learning_rate,
        # The first one is what rotations are measured from.
        kept_epochs=(0, config.epochs),
        seed=seed_of(config.seed, TRAINING),
    )


def log_spaced_epochs(epochs: int, count: int) -> list[int]:
    """Returns epochs evenly spaced on a log scale, from 1 to `epochs`.

    Args:
        epochs: The last one, at least 1.
        count: How many before rounding makes some of them equal, at least 1;
            a single one is the last.

    Returns:
        Ascending, each once.
    """
    last = max(count - 1, 1)
    powers = [1.0] if count == 1 else [k / last for k in range(count)]
    return sorted({round(epochs**power) for power in powers})


def seed_of(seed: int, *names: object) -> int:
    """Returns a seed below 2**32 for one purpose, far from all others.

    A function of its arguments alone, so a stage's random numbers do not
    depend on which stages ran before it.
    """
    text = "/".join(str(name) for name in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _from_scratch(
    config: config_lib.ProtocolConfig, kind: str, kept: tuple[int, ...] = ()
) -> StagePlan:
    return StagePlan(
        name=kind,
        kind=kind,
        relax_epoch=None,
        first_epoch=0,
        last_epoch=config.epochs,
        learning_rate=(
            config.learning_rate
            if kind == "cnn"
            else config.baseline_learning_rate
        ),
        kept_epochs=_kept(config, kind, 0, config.epochs, *kept),
        seed=seed_of(config.seed, kind),
        is_kept=kind == "cnn" or config.snapshots != "none",
    )


def _relaxed(
    config: config_lib.ProtocolConfig, kind: str, relax_epoch: int
) -> StagePlan:
    name = f"{kind}_relax{relax_epoch}"
    last = relax_epoch + (config.relaxed_epochs or 0)
    if config.relaxed_epochs is None:
        last = config.epochs
    return StagePlan(
        name=name,
        kind=kind,
        relax_epoch=relax_epoch,
        first_epoch=relax_epoch,
        last_epoch=last,
        learning_rate=config.relaxed_learning_rate,
        kept_epochs=_kept(config, kind, relax_epoch, last),
        seed=seed_of(config.seed, name),
        is_kept=config.snapshots != "none",
    )


def _kept(
    config: config_lib.ProtocolConfig,
    kind: str,
    first: int,
    last: int,
    *others: int,
) -> tuple[int, ...]:
    # Rotations are measured from the first one.
    kept = {first, last} if config.layer_rotation else {last}
    if config.snapshots == "all" and kind != "cnn":
        kept.update(range(first, last, config.checkpoint_interval))
    return tuple(sorted(kept.union(others)))
