"""The configuration of the relax protocol, frozen and validated."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import run_config
from needle_tf.protocol import settings

# Optimizers that keep something else than arrays of the shape of the weights.
_SLOTS_OF_THEIR_OWN = ("adafactor", "lars_sgd", "layca", "muon")
# What an update within the backward pass cannot do, and optimizers likewise.
_NEED_ALL_GRADIENTS = (
    "global_clipnorm",
    "gradient_accumulation_steps",
    "use_ema",
)
_STEP_ON_ALL = ("layca", "nadam")
# Optimizers that keep nothing but the weights, without momentum.
_PLAIN = ("sgd", "normalized_sgd", "effective_rate_sgd")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProtocolConfig(run_config.RunConfig):
    """The relax protocol of one run: what all runs have, and relaxations.

    The CNN and the nets from scratch are trained for `epochs`.

    Args:
        relax_epochs: CNN epochs before each relaxed net, in [0, epochs].
        relaxed_epochs: Epochs of each relaxed net alone; None fills up to
            `epochs` in total.
        relaxed_learning_rate: Step size of the relaxed nets; None is
            `learning_rate`. At equal rates a relaxed net moves along the
            directions of the CNN 1 / (number of positions) as fast, because
            the gradient of a shared weight is the sum over its copies, and
            the copies move together by their mean.
        baseline_learning_rate: Step size of the nets from scratch; None is
            `learning_rate`, which can be too large for a wide FCN.
        optimizer_slots: What becomes of momentum and the like at the
            relaxation: `reset`, or `embed` like the weights.
        space: `fcn` frees all weights, `lcn` the sharing alone, `band` the
            weights within `radius` of the receptive field.
        radius: Reach of the band around each receptive field, in pixels.
        relaxed_layers: Names of the convolutions to relax; none is all.
        baselines: Further nets: `fcn` and `lcn` from scratch, `elcn` the
            locally connected net relaxed at each of `relax_epochs`, beside
            those of `space`.
        log_checkpoints: Number of log-spaced checkpoints of the CNN that are
            kept, besides the one before training; 0 keeps none of them.
        snapshots: Checkpoints of the relaxed nets and of those from scratch
            that stay when a net is trained: the `last`, `all` (one at every
            `checkpoint_interval`), or `none`. The CNN keeps its own.
        distance_every_steps: Steps between two measurements of the distance,
            besides the one after each epoch; 0 for none.
        update_in_backward: Whether relaxed nets and the FCN update each large
            kernel within the backward pass, so that one gradient lives at a
            time; see `optimizers.UpdateInBackward`.
        layer_rotation: Whether each stage also measures how far its layers
            turn from the weights that it began with; a relaxed net from those
            of its relaxation.

    Raises:
        ValueError: If a value is out of bounds, two contradict each other, or
            one would be ignored. The message names the flags.
    """

    KIND: ClassVar[str] = "relax"
    BINARY: ClassVar[str] = "main"

    relax_epochs: Sequence[int] = (20,)
    relaxed_epochs: int | None = None
    relaxed_learning_rate: float | None = None
    baseline_learning_rate: float | None = None
    optimizer_slots: str = "reset"
    space: str = "fcn"
    radius: int | None = None
    relaxed_layers: Sequence[str] = ()
    baselines: Sequence[str] = ("fcn", "lcn")
    log_checkpoints: int = 20
    snapshots: str = "last"
    distance_every_steps: int = 0
    update_in_backward: bool = False
    layer_rotation: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle_relaxation()
        self._settle_baselines()
        run_config.require_choice(
            "snapshots", self.snapshots, settings.SNAPSHOTS
        )
        self._check_every_steps("distance_every_steps")
        if self.update_in_backward:
            self._check_update_in_backward()

    def _settle_optimizer(self) -> None:
        super()._settle_optimizer()
        choice = self.optimizer_slots
        run_config.require_choice(
            "optimizer_slots", choice, settings.OPTIMIZER_SLOTS
        )
        if choice == "embed" and not self._has_slots():
            raise ValueError(
                f"--optimizer_slots=embed would be ignored: {self.optimizer} "
                "without --momentum keeps nothing but the weights. Set "
                "--momentum, or leave --optimizer_slots away."
            )
        if choice == "embed" and self.steps_paths():
            raise ValueError(
                f"--optimizer_slots=embed is not possible with "
                f"--optimizer={self.optimizer}: what it keeps belongs to the "
                "paths of the CNN, and the relaxed net has others. Leave "
                "--optimizer_slots away."
            )
        if choice == "embed" and self.optimizer in _SLOTS_OF_THEIR_OWN:
            raise ValueError(
                f"--optimizer_slots=embed is not possible with "
                f"--optimizer={self.optimizer}: what it keeps does not have "
                "the shape of the weights. Leave --optimizer_slots away."
            )
        if choice == "reset" and not optimizer_registry.keeps_weights(
            self.optimizer
        ):
            raise ValueError(
                f"--optimizer={self.optimizer} computes the weights from its "
                "slots, so a relaxed net would forget the CNN in its first "
                "step. Set --optimizer_slots=embed or another --optimizer."
            )

    def _has_slots(self) -> bool:
        return self.optimizer not in _PLAIN or any(
            self.optimizer_options.get(name) for name in ("momentum", "use_ema")
        )

    def _settle_relaxation(self) -> None:
        run_config.require_choice("space", self.space, settings.SPACES)
        if (self.space == "band") != (self.radius is not None):
            raise ValueError(
                "--space=band and --radius belong together: the band reaches "
                "that far around each receptive field. Received: "
                f"--space={self.space}, --radius={self.radius}. Set both or "
                "neither."
            )
        self._settle_names("relaxed_layers")
        if self.relaxed_learning_rate is None:
            self._set("relaxed_learning_rate", self.learning_rate)
        setting = settings.SETTINGS["relax_epoch"]
        given = self.relax_epochs
        if isinstance(given, int) and not isinstance(given, bool):
            given = (given,)
        epochs = tuple(sorted({setting.checked(epoch) for epoch in given}))
        self._set("relax_epochs", epochs)
        if not epochs:
            raise ValueError(
                "At least one --relax_epoch is needed: it is where the CNN is "
                "relaxed. Received none."
            )
        if epochs[-1] > self.epochs:
            raise ValueError(
                "--relax_epoch must lie in [0, epochs]: the relaxed net starts "
                f"from a CNN of this run. Received: --relax_epoch={epochs[-1]},"
                f" --epochs={self.epochs}. Lower it or raise --epochs."
            )
        if epochs[-1] == self.epochs and self.relaxed_epochs is None:
            raise ValueError(
                f"--relax_epoch={epochs[-1]} leaves no epoch of "
                f"--epochs={self.epochs} to the relaxed net. Lower it, or say "
                "with --relaxed_epochs how many it gets."
            )
        if {e + (self.relaxed_epochs or 0) for e in epochs} == {self.epochs}:
            self._set("relaxed_epochs", None)  # The default, written out.

    def _settle_baselines(self) -> None:
        self._settle_names("baselines")
        for name in self.baselines:
            run_config.require_choice("baselines", name, settings.BASELINES)
        if self.space == "lcn" and "elcn" in self.baselines:
            raise ValueError(
                "--baselines=elcn would be the relaxed net of --space=lcn once "
                "more. Leave one of them away."
            )
        rate = self.baseline_learning_rate
        if {"fcn", "lcn"}.intersection(self.baselines):
            if rate is None:
                self._set("baseline_learning_rate", self.learning_rate)
        elif rate is not None:
            raise ValueError(
                "--baseline_learning_rate belongs to the nets from scratch and "
                "would be ignored. Received: --baseline_learning_rate="
                f"{rate}, --baselines={','.join(self.baselines)}. Add fcn or "
                "lcn, or leave it away."
            )

    def _check_update_in_backward(self) -> None:
        flag = "--update_in_backward"
        if self.space != "fcn" and "fcn" not in self.baselines:
            raise ValueError(
                f"{flag} would be ignored: no net of this run has all weights "
                f"free. Received: --space={self.space}, --baselines="
                f"{','.join(self.baselines)}. Leave it away."
            )
        needs_all = [
            f"--{name}={self.optimizer_options[name]}"
            for name in _NEED_ALL_GRADIENTS
            if self.optimizer_options.get(name)
        ]
        if self.precision == "mixed_float16":
            needs_all.append("--precision=mixed_float16")
        if self.steps_paths() or self.optimizer in _STEP_ON_ALL:
            needs_all.append(f"--optimizer={self.optimizer}")
        if needs_all:
            raise ValueError(
                f"{flag} is not possible with {needs_all[0]}: that needs all "
                "gradients before the first update. Leave one of them away."
            )

    @property
    def every_steps(self) -> int:
        """Steps between two distances; 0 for once in an epoch."""
        return self.distance_every_steps

    def _words(self) -> list[str]:
        epochs = "+".join(str(epoch) for epoch in self.relax_epochs[:4])
        if len(self.relax_epochs) > 4:
            epochs += "+more"
        return [*super()._words(), f"relax{epochs}"]
