"""Every number of a run, frozen and validated.

Two configurations are equal exactly if they ask for the same numbers: what is
left out is filled in with its default, and what would be ignored is refused.
Neither TensorFlow nor Keras is imported, so that mistakes show at once.
"""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.data import arguments
from needle_tf.data import digits
from needle_tf.data import loading
from needle_tf.models import registry as model_registry
from needle_tf.optimizers import registry as optimizer_registry
from needle_tf.protocol import settings

DATA_ARGUMENTS = (
    "train_size",
    "test_size",
    "image_size",
    "canvas_size",
    "clutter_pieces",
    "piece_size",
)
# Optimizers whose slots cannot be embedded like the weights.
_SLOTS_OF_THEIR_OWN = ("adafactor", "muon")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProtocolConfig:
    """The relax protocol of one run: data, network, training, relaxations.

    Where the run lies and what it prints is not part of it, nor where the data
    lie. None means the default that is named; it is filled in at once, so that
    leaving a setting out and writing its default are the same.

    Args:
        dataset: Name of the data set, see `data.loading`.
        train_size: Training images; None takes the set's own number.
        test_size: Test images, likewise.
        image_size: Pixels to which images are resized, an integer or
            `(height, width)`; None leaves them as they are.
        canvas_size: Side of a cluttered digit, in pixels.
        clutter_pieces: Fragments beside a cluttered digit.
        piece_size: Side of such a fragment, in pixels.
        flip: Whether half of the training images are mirrored.
        crop_padding: Largest random shift of training images, in pixels.
        model: Name of the network; None is `small_cnn`, or `model_file`.
        model_file: A `.keras` file instead, whose weights are the start.
        width: Multiplies the channels of a network by name; None is 1.
        epochs: Epochs of the CNN and of the nets from scratch.
        batch_size: Images per training step.
        optimizer: Name of the optimizer, see `optimizers.registry`.
        learning_rate: Its step size.
        optimizer_options: Its other options by name, only those that are set.
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
        space: `fcn` frees all weights, `band` those within `radius`.
        radius: Reach of the band around each receptive field, in pixels.
        relaxed_layers: Names of the convolutions to relax; none is all.
        baselines: Further nets: `fcn` and `lcn` from scratch, `elcn` the
            locally connected net relaxed at each of `relax_epochs`.
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
        jit_compile: Whether XLA compiles the steps; None leaves it to Keras,
            which does so on a GPU.
        seed: Decides every random choice.
        deterministic: Whether a repeated run is equal to the bit (slower).
        steps_per_execution: Training steps per call of the device; None takes
            a divisor of the steps of an epoch.
        checkpoint_interval: Epochs between two points to resume from.
        log_checkpoints: Number of log-spaced checkpoints of the CNN that are
            kept, besides the one before training; 0 keeps none of them.
        distance_every_steps: Steps between two measurements of the distance,
            besides the one after each epoch; 0 for none.

    Raises:
        ValueError: If a value is out of bounds, two contradict each other, or
            one would be ignored. The message names the flags.
    """

    dataset: str = "cluttered_digits"
    train_size: int | None = None
    test_size: int | None = None
    image_size: int | Sequence[int] | None = None
    canvas_size: int | None = None
    clutter_pieces: int | None = None
    piece_size: int | None = None
    flip: bool = False
    crop_padding: int = 0
    model: str | None = None
    model_file: str | None = None
    width: float | None = None
    epochs: int = 40
    batch_size: int = 100
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    optimizer_options: Mapping[str, Any] = dataclasses.field(
        default_factory=dict
    )
    relax_epochs: Sequence[int] = (20,)
    relaxed_epochs: int | None = None
    relaxed_learning_rate: float | None = None
    baseline_learning_rate: float | None = None
    optimizer_slots: str = "reset"
    space: str = "fcn"
    radius: int | None = None
    relaxed_layers: Sequence[str] = ()
    baselines: Sequence[str] = ("fcn", "lcn")
    precision: str = "float32"
    jit_compile: bool | None = None
    seed: int = 0
    deterministic: bool = False
    steps_per_execution: int | None = None
    checkpoint_interval: int = 5
    log_checkpoints: int = 20
    distance_every_steps: int = 0

    def __post_init__(self) -> None:
        for name, setting in settings.SETTINGS.items():
            if getattr(self, name, None) is not None:
                self._set(name, setting.checked(getattr(self, name)))
        self._settle_data()
        self._settle_model()
        self._settle_optimizer()
        self._settle_relaxation()
        _require_choice("precision", self.precision, settings.PRECISIONS)
        self._settle_baselines()
        self._check_steps()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _settle_data(self) -> None:
        """Refuses what the data set would ignore; fills in its sizes."""
        read = loading.arguments_read_by(self.dataset)
        ignored = [
            name
            for name in DATA_ARGUMENTS
            if getattr(self, name) is not None and name not in read
        ]
        if ignored:
            raise ValueError(
                f"--dataset={self.dataset} would ignore {_flags(ignored)}. "
                f"Leave it away. It reads: {_flags(read)}."
            )
        if self.image_size is not None:
            size = arguments.require_image_size(self.image_size)
            self._set("image_size", size)
        if self.dataset == "cluttered_digits":
            for name, value in cluttered_defaults().items():
                if getattr(self, name) is None:
                    self._set(name, value)

    def _settle_model(self) -> None:
        if self.model_file is None:
            self._set("model", self.model or "small_cnn")
            known = model_registry.names()
            _require_choice("model", self.model, known, "--model_file")
            self._set("width", 1.0 if self.width is None else self.width)
            return
        if not str(self.model_file).endswith(".keras"):
            raise ValueError(
                "`model_file` must be a file that `model.save` wrote, ending "
                f"in .keras. Received: --model_file={self.model_file}."
            )
        ignored = [n for n in ("model", "width") if getattr(self, n)]
        if self.precision != "float32":
            ignored.append("precision")
        if ignored:
            raise ValueError(
                f"--model_file={self.model_file} brings its own network, so "
                f"{_flags(ignored)} would be ignored. Leave one of them away."
            )

    def _settle_optimizer(self) -> None:
        checked = optimizer_registry.check(
            self.optimizer,
            learning_rate=self.learning_rate,
            **self.optimizer_options,
        )
        del checked["learning_rate"]
        self._set("optimizer_options", dict(sorted(checked.items())))
        choice = self.optimizer_slots
        _require_choice("optimizer_slots", choice, settings.OPTIMIZER_SLOTS)
        if choice == "embed" and not self._has_slots():
            raise ValueError(
                "--optimizer_slots=embed would be ignored: sgd without "
                "--momentum keeps nothing but the weights. Set --momentum, or "
                "leave --optimizer_slots away."
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
        return self.optimizer != "sgd" or any(
            self.optimizer_options.get(name) for name in ("momentum", "use_ema")
        )

    def _settle_relaxation(self) -> None:
        _require_choice("space", self.space, settings.SPACES)
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
            _require_choice("baselines", name, settings.BASELINES)
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

    def _check_steps(self) -> None:
        if self.jit_compile and self.deterministic:
            raise ValueError(
                "--jit_compile would be ignored with --deterministic: Keras "
                "does not use XLA then. Leave one of them away."
            )
        every, steps = self.distance_every_steps, self.steps_per_execution
        if every and steps and every % steps:
            raise ValueError(
                "--distance_every_steps must be a multiple of "
                "--steps_per_execution: in between nothing can be measured. "
                f"Received: --distance_every_steps={every}, "
                f"--steps_per_execution={steps}."
            )

    def _settle_names(self, field: str) -> None:
        given = getattr(self, field)
        if isinstance(given, str):
            given = (given,)
        if not all(isinstance(name, str) for name in given):
            raise ValueError(
                f"`{field}` must be names. Received: {field}={given!r}."
            )
        # Each once, in the order given.
        self._set(field, tuple(dict.fromkeys(given)))

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types; `from_json` takes them back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "ProtocolConfig":
        """Returns the configuration that `to_json` wrote.

        A field that is missing gets its default: the file may be older than
        the field. Raises ValueError for fields that are unknown.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(fields.keys() - known)
        if unknown:
            raise ValueError(
                f"a configuration has no fields {', '.join(unknown)}: it was "
                "written by another version of needle_tf."
            )
        return cls(**fields)

    def differences(
        self, other: "ProtocolConfig"
    ) -> dict[str, tuple[Any, Any]]:
        """Returns `{field: (own value, other value)}` where the two differ."""
        names = (field.name for field in dataclasses.fields(self))
        pairs = {n: (getattr(self, n), getattr(other, n)) for n in names}
        return {
            name: pair for name, pair in pairs.items() if pair[0] != pair[1]
        }

    def run_name(self) -> str:
        """Returns a name for the folder of this run, another for another.

        Data set, network and relax epochs in words, then 8 hexadecimal digits
        that stand for all fields.
        """
        dataset = "".join(c if c.isalnum() else "_" for c in self.dataset)
        network = self.model or "own_model"
        epochs = "+".join(str(epoch) for epoch in self.relax_epochs[:4])
        if len(self.relax_epochs) > 4:
            epochs += "+more"
        text = json.dumps(self.to_json(), sort_keys=True)
        digits_of_all = hashlib.blake2b(text.encode(), digest_size=4)
        return (
            f"{dataset}_{network}_relax{epochs}_seed{self.seed}"
            f"-{digits_of_all.hexdigest()}"
        )


def cluttered_defaults() -> dict[str, int]:
    """Returns the settings of the cluttered digits if none is given."""
    parameters = inspect.signature(digits.cluttered_digits).parameters
    return {
        name: parameters[name].default
        for name in loading.arguments_read_by("cluttered_digits")
    }


def flag_of(field: str) -> str:
    """Returns the flag that sets a field, with its dashes."""
    # Given once per epoch, so the flag is singular.
    return "--relax_epoch" if field == "relax_epochs" else f"--{field}"


def _flags(names: Sequence[str]) -> str:
    return ", ".join(flag_of(name) for name in names)


def _require_choice(
    name: str, value: Any, choices: Sequence[str], otherwise: str = ""
) -> None:
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}"
            f"{f' (or set {otherwise})' if otherwise else ''}. "
            f"Received: --{name}={value}."
        )
