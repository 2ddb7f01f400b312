"""The configuration of one training run, frozen and validated.

    what is given  >  recipe of the task  >  task  >  default

None is "not given"; what the task or the default says is filled in at once.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import run_config
from needle_tf.protocol import settings
from needle_tf.protocol import tasks

# What is not given and set by no task either; other fields have the defaults
# of every run.
_DEFAULTS = {
    "validation_fraction": 0.0,
    "test_at_best": False,
    "l2": 0.0,
    "drop_epochs": (),
    "warmup_epochs": 0,
    "stop_accuracy": 0.0,
    "stop_loss": 0.0,
    "stop_unchanged_epochs": 0,
}
# What has no meaning without another field, with its default beside it.
_DEPENDENT = {
    "l2_skips": ("l2", ()),
    "drop_factor": ("drop_epochs", 0.2),
    "warmup": ("warmup_epochs", "linear"),
    "stop_accuracy_epoch": ("stop_accuracy", None),
}
# What recorded angles replace.
_REPLAYED = (
    "learning_rate",
    "drop_epochs",
    "decay_per_epoch",
    "warmup_epochs",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(run_config.RunConfig):
    """One network trained under a chosen optimizer and watched.

    Args:
        task: Name of a task of the study, see `tasks`; None for none.
        recipe: Name of one of its recipes; None takes the one of the
            optimizer, or its first.
        validation_fraction: Share of the training images, in [0, 1), that is
            held out for validation.
        test_at_best: Whether the test accuracy reported is that of the epoch
            with the best validation accuracy.
        l2: Factor of the sum of squares of the kernels in the loss; 0 is none.
        l2_skips: Names or patterns of kernels without this penalty.
        drop_epochs: Epochs, from 0, that begin with a smaller step size.
        drop_factor: What the step size is multiplied by there; None is 0.2.
        decay_per_epoch: What the step size is multiplied by after each epoch,
            in (0, 1), instead of drops; None for no decay.
        warmup_epochs: Epochs of warm-up from a tenth of the rate.
        warmup: `linear` step by step, or `discrete`: a tenth until then.
        stop_accuracy: Training stops unless its accuracy exceeds this after
            `stop_accuracy_epoch`; 0 for no such stop.
        stop_accuracy_epoch: An epoch, from 0.
        stop_loss: Training stops at this loss, penalty included; 0 for never.
        stop_unchanged_epochs: Training stops after so many epochs of exactly
            one loss; 0 for no such stop.
        rotation_every_steps: Steps between two measurements of the rotation,
            besides those after each epoch; 0 for none.
        record_angles: Whether the angle of each kernel in each step is kept.
        replay: A training run that recorded its angles, or its `angles.npz`:
            each kernel turns by these, under Layca.
        second_moments: Whether percentiles of second moments are kept.
        init_seed: Decides the initial weights alone; None is `seed`. The study
            gave all runs of a task one initialisation: sweep `seed` with one
            `init_seed` for that.
        skeleton_start: Whether the initial network gets skeleton weights of 1
            and smaller other ones, whatever the optimizer; EC-Opt then takes
            the same skeleton, `index`.
        unit_scale_spread: The initial network, `skeleton_start` done, is
            rescaled by one factor for each unit, log-uniform in [1/spread,
            spread] and drawn by `init_seed`: its function stays. 1 changes
            nothing.

    Raises:
        ValueError: If a value is out of bounds, two contradict each other, or
            one would be ignored. The message names the flags.
    """

    KIND: ClassVar[str] = "training"
    BINARY: ClassVar[str] = "train"

    # Of every run, but None is "not given" here.
    dataset: str | None = None
    flip: bool | None = None
    crop_padding: int | None = None
    crop_fill: str | None = None
    statistics: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None

    task: str | None = None
    recipe: str | None = None
    validation_fraction: float | None = None
    test_at_best: bool | None = None
    l2: float | None = None
    l2_skips: Sequence[str] | None = None
    drop_epochs: Sequence[int] | None = None
    drop_factor: float | None = None
    decay_per_epoch: float | None = None
    warmup_epochs: int | None = None
    warmup: str | None = None
    stop_accuracy: float | None = None
    stop_accuracy_epoch: int | None = None
    stop_loss: float | None = None
    stop_unchanged_epochs: int | None = None
    rotation_every_steps: int = 0
    record_angles: bool = False
    replay: str | None = None
    second_moments: bool = False
    init_seed: int | None = None
    skeleton_start: bool = False
    unit_scale_spread: float = 1.0

    def __post_init__(self) -> None:
        self._check_bounds()
        self._check_replay()
        self._settle_lists()
        self._settle_task()
        self._settle_defaults()
        super().__post_init__()
        self._check_schedule()
        self._check_measures()

    def _check_replay(self) -> None:
        if self.replay is None:
            return
        ignored = [name for name in _REPLAYED if getattr(self, name)]
        if ignored:
            raise ValueError(
                f"--replay={self.replay} turns each kernel by the angles of "
                "another run, so "
                f"{', '.join(map(run_config.flag_of, ignored))} would be "
                "ignored. Leave one of them away."
            )
        if self.optimizer not in (None, "layca"):
            raise ValueError(
                "--replay sets the angles by which Layca turns each kernel. "
                f"Received: --optimizer={self.optimizer}. Set "
                "--optimizer=layca."
            )
        self._set("optimizer", "layca")

    def _settle_lists(self) -> None:
        if self.l2_skips is not None:
            self._settle_names("l2_skips")
        if self.drop_epochs is not None:
            given = self.drop_epochs
            if isinstance(given, int) and not isinstance(given, bool):
                given = (given,)
            checked = {settings.DROP_EPOCH.checked(epoch) for epoch in given}
            self._set("drop_epochs", tuple(sorted(checked)))

    def _settle_task(self) -> None:
        """Fills in what the task and its recipe say and nobody else does."""
        if self.task is None:
            if self.recipe is not None:
                raise ValueError(
                    f"--recipe={self.recipe} is one of a task. Set --task, or "
                    "leave it away."
                )
            return
        brought = dict(tasks.get(self.task).settings) | self._from_recipe()
        options = brought.pop("optimizer_options", {})
        self._set("optimizer_options", {**options, **self.optimizer_options})
        own = (self.dataset or brought["dataset"]).partition(":")[0]
        if own != brought["dataset"]:
            brought.pop("train_size", None)
        if self.model_file is not None:
            del brought["model"]
        if self.replay is not None:
            brought = {n: v for n, v in brought.items() if n not in _REPLAYED}
        epochs = self.epochs or brought["epochs"]
        drops = brought.get("drop_epochs", ())
        if self.decay_per_epoch is not None:
            drops = ()
        brought["drop_epochs"] = tuple(e for e in drops if e < epochs)
        if brought.get("stop_accuracy_epoch", 0) >= epochs:
            del brought["stop_accuracy"]
        for name, value in brought.items():
            if name not in _DEPENDENT and getattr(self, name) is None:
                self._set(name, value)
        for name, (main, _) in _DEPENDENT.items():
            if getattr(self, main) and getattr(self, name) is None:
                self._set(name, brought.get(name))

    def _from_recipe(self) -> dict[str, Any]:
        """Returns what the recipe sets; its name is filled in."""
        name = self.recipe or tasks.matching_recipe(
            self.task,
            self.optimizer,
            self.optimizer_options.get("inner_optimizer"),
        )
        if name is None:
            return {}
        self._set("recipe", name)
        brought = dict(tasks.recipe(self.task, name))
        if self.optimizer not in (None, brought["optimizer"]):
            raise ValueError(
                f"--recipe={name} of --task={self.task} is one of "
                f"{brought['optimizer']}. Received: --optimizer="
                f"{self.optimizer}. Leave one of them away."
            )
        return brought

    def _settle_defaults(self) -> None:
        for name, value in _DEFAULTS.items():
            if getattr(self, name) is None:
                self._set(name, value)
        for field in dataclasses.fields(run_config.RunConfig):
            if field.name == "learning_rate":
                continue
            if getattr(self, field.name) is None:
                self._set(field.name, field.default)
        for name, (main, default) in _DEPENDENT.items():
            if getattr(self, name) is not None and not getattr(self, main):
                if getattr(self, name) == ():
                    continue
                raise ValueError(
                    f"--{name} would be ignored without --{main}. Received: "
                    f"--{name}={getattr(self, name)}. Set --{main} too, or "
                    f"leave --{name} away."
                )
            if getattr(self, name) is None:
                is_set = getattr(self, main) or default == ()
                self._set(name, default if is_set else None)
        if self.init_seed is None:
            self._set("init_seed", self.seed)

    def _settle_optimizer(self) -> None:
        if self.learning_rate is not None or self.replay is not None:
            super()._settle_optimizer()
            self._settle_ec_opt()
            return
        # A mistake in the name is more worth saying.
        optimizer_registry.options_of(self.optimizer)
        fix = "Give it, or a --task with a tuned rate."
        if self.task is not None:
            known = ", ".join(tasks.get(self.task).recipes)
            fix = f"Give it, or one of --task={self.task}'s recipes: {known}."
        raise ValueError(
            "--learning_rate is needed: there is none that suits every "
            f"network. Received: --optimizer={self.optimizer}. {fix}"
        )

    def _keeps_weights(self) -> bool:
        return super()._keeps_weights() and not self.skeleton_start

    def _settle_ec_opt(self) -> None:
        """Settles the skeleton; refuses what EC-Opt would undo or suffer."""
        if not self.steps_paths():
            return
        if self.l2:
            raise ValueError(
                f"--l2={self.l2} is not possible with --optimizer="
                f"{self.optimizer}: gradients of paths follow from those of "
                "weights only where the loss is the network's alone. Set "
                "--weight_decay instead, which acts on path values."
            )
        options = dict(self.optimizer_options)
        skeleton = options.get("skeleton", "ones")
        if self.skeleton_start and skeleton == "max_product":
            raise ValueError(
                "--skeleton_start sets the weights of the skeleton `index` to "
                "1, and EC-Opt would step on another. Received: "
                "--skeleton=max_product. Leave one of them away."
            )
        if self.skeleton_start:
            options |= {"skeleton": "index"}
            self._set("optimizer_options", dict(sorted(options.items())))
        elif self.unit_scale_spread > 1 and skeleton == "ones":
            raise ValueError(
                "--unit_scale_spread would be undone in part: EC-Opt sets the "
                "weights of its skeleton to 1 behind it. Received: "
                f"--unit_scale_spread={self.unit_scale_spread}, "
                "--skeleton=ones. Set --skeleton_start, which does so before, "
                "or --skeleton=index or max_product."
            )

    def _check_schedule(self) -> None:
        if self.drop_epochs and self.decay_per_epoch is not None:
            raise ValueError(
                "--drop_epochs and --decay_per_epoch are two ways to lower "
                "the step size. Received: --drop_epochs="
                f"{','.join(map(str, self.drop_epochs))}, --decay_per_epoch="
                f"{self.decay_per_epoch}. Leave one of them away."
            )
        if self.drop_epochs and self.drop_epochs[-1] >= self.epochs:
            raise ValueError(
                "--drop_epochs must lie below --epochs: a later one would be "
                f"ignored. Received: --drop_epochs={self.drop_epochs[-1]}, "
                f"--epochs={self.epochs}."
            )
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                "--warmup_epochs must lie in [0, epochs]. Received: "
                f"--warmup_epochs={self.warmup_epochs}, "
                f"--epochs={self.epochs}."
            )
        if self.warmup is not None:
            run_config.require_choice("warmup", self.warmup, settings.WARMUPS)
        if self.stop_accuracy and self.stop_accuracy_epoch is None:
            raise ValueError(
                "--stop_accuracy needs the epoch after which it is asked for. "
                f"Received: --stop_accuracy={self.stop_accuracy}. Set "
                "--stop_accuracy_epoch."
            )
        if (self.stop_accuracy_epoch or 0) >= self.epochs:
            raise ValueError(
                "--stop_accuracy_epoch must lie below --epochs: it would be "
                "ignored. Received: --stop_accuracy_epoch="
                f"{self.stop_accuracy_epoch}, --epochs={self.epochs}."
            )
        if self.test_at_best and not self.validation_fraction:
            raise ValueError(
                "--test_at_best needs images to validate on. Received: "
                f"--validation_fraction={self.validation_fraction}. Set "
                "--validation_fraction, or --notest_at_best."
            )

    def _check_measures(self) -> None:
        self._check_every_steps("rotation_every_steps")
        if self.record_angles and (self.steps_per_execution or 1) > 1:
            raise ValueError(
                "--record_angles looks at every step. Received: "
                f"--steps_per_execution={self.steps_per_execution}. Leave it "
                "away."
            )

    @property
    def every_steps(self) -> int:
        """Steps between two measurements inside an epoch; 0 for none."""
        return 1 if self.record_angles else self.rotation_every_steps

    def to_json(self) -> dict[str, Any]:
        """Returns `kind` and the fields as JSON types, for `from_json`."""
        return {"kind": self.KIND, **super().to_json()}

    def _words(self) -> list[str]:
        return [*super()._words(), self.recipe or self.optimizer]
