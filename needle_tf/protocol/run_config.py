"""What the configurations of all runs share: data, network, training.

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
from typing import ClassVar
from typing import Self

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
# Fields that came later than the first runs: at their defaults they are left
# out of the digits of `run_name`, so that the folders of those keep theirs.
_LATER_FIELDS = (
    "crop_fill",
    "statistics",
    "layer_rotation",
    "decay_per_epoch",
    "skeleton_start",
    "unit_scale_spread",
    "snapshots",
    "update_in_backward",
)


# What a configuration is that does not say its kind.
OLDEST_KIND = "relax"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Data, network and training of a run; see the two kinds of runs.

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
        crop_fill: What comes in at the border of a shifted image: the `mean`
            colour, or the image again (`reflect`).
        statistics: Images are standardised per `channel`, or with one `scalar`
            mean and one scalar deviation.
        model: Name of the network; None is `small_cnn`, or `model_file`.
        model_file: A `.keras` file instead, whose weights are the start.
        width: Multiplies the channels of a network by name; None is 1.
        epochs: Epochs of training.
        batch_size: Images per training step.
        optimizer: Name of the optimizer, see `optimizers.registry`.
        learning_rate: Its step size.
        optimizer_options: Its other options by name, only those that are set.
            With `model_file`, EC-Opt has the skeleton `max_product` unless
            another is given: `ones` would change the weights in the file.
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
        jit_compile: Whether XLA compiles the steps; None leaves it to Keras,
            which does so on a GPU.
        seed: Decides every random choice.
        deterministic: Whether a repeated run is equal to the bit (slower).
        steps_per_execution: Training steps per call of the device; None takes
            a divisor of the steps of an epoch.
        checkpoint_interval: Epochs between two points to resume from.

    Raises:
        ValueError: If a value is out of bounds, two contradict each other, or
            one would be ignored. The message names the flags.
    """

    # The word in config.json and the binary that runs it.
    KIND: ClassVar[str]
    BINARY: ClassVar[str]
    # Of the relax protocol, where it is a field.
    update_in_backward: ClassVar[bool] = False

    dataset: str = "cluttered_digits"
    train_size: int | None = None
    test_size: int | None = None
    image_size: int | Sequence[int] | None = None
    canvas_size: int | None = None
    clutter_pieces: int | None = None
    piece_size: int | None = None
    flip: bool = False
    crop_padding: int = 0
    crop_fill: str = "mean"
    statistics: str = "channel"
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
    precision: str = "float32"
    jit_compile: bool | None = None
    seed: int = 0
    deterministic: bool = False
    steps_per_execution: int | None = None
    checkpoint_interval: int = 5

    def __post_init__(self) -> None:
        self._check_bounds()
        self._settle_data()
        self._settle_model()
        self._settle_optimizer()
        require_choice("precision", self.precision, settings.PRECISIONS)
        self._check_compilation()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_bounds(self) -> None:
        for name, setting in settings.SETTINGS.items():
            if getattr(self, name, None) is not None:
                self._set(name, setting.checked(getattr(self, name)))

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
        require_choice("statistics", self.statistics, settings.STATISTICS)
        require_choice("crop_fill", self.crop_fill, settings.CROP_FILLS)
        if self.crop_fill != "mean" and not self.crop_padding:
            raise ValueError(
                f"--crop_fill={self.crop_fill} would be ignored without "
                "--crop_padding: nothing comes in at the border. Set "
                "--crop_padding, or leave --crop_fill away."
            )

    def _settle_model(self) -> None:
        if self.model_file is None:
            self._set("model", self.model or "small_cnn")
            known = model_registry.names()
            require_choice("model", self.model, known, "--model_file")
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
            # Recorded angles stand for a rate that is not given.
            replays=self.learning_rate is None,
            **self.optimizer_options,
        )
        del checked["learning_rate"]
        if self.steps_paths() and self._keeps_weights():
            checked.setdefault("skeleton", "max_product")
        self._set("optimizer_options", dict(sorted(checked.items())))

    def steps_paths(self) -> bool:
        """Returns whether the optimizer is EC-Opt, which steps path values."""
        return optimizer_registry.needs_model(self.optimizer)

    def _keeps_weights(self) -> bool:
        """Whether training starts with the weights of a file, unchanged."""
        return self.model_file is not None

    def _check_compilation(self) -> None:
        if self.jit_compile and self.deterministic:
            raise ValueError(
                "--jit_compile would be ignored with --deterministic: Keras "
                "does not use XLA then. Leave one of them away."
            )

    def _check_every_steps(self, name: str) -> None:
        """Refuses measurements between two calls of the device."""
        every, steps = getattr(self, name), self.steps_per_execution
        if every and steps and every % steps:
            raise ValueError(
                f"--{name} must be a multiple of --steps_per_execution: in "
                "between nothing can be measured. Received: "
                f"--{name}={every}, --steps_per_execution={steps}."
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

    @property
    def every_steps(self) -> int:
        """Steps between two measurements inside an epoch; 0 for none."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types; `from_json` takes them back."""
        return as_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Returns the configuration that `to_json` wrote.

        A field that is missing gets its default: the file may be older than
        the field. Raises ValueError for fields that are unknown, and if the
        file is of a run of another kind.
        """
        fields = dict(fields)
        kind = fields.pop("kind", OLDEST_KIND)
        if kind != cls.KIND:
            raise ValueError(
                f"a configuration of kind {cls.KIND} was expected. Received: "
                f"kind {kind}."
            )
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(fields.keys() - known)
        if unknown:
            raise ValueError(
                f"a configuration has no fields {', '.join(unknown)}: it was "
                "written by another version of needle_tf."
            )
        return cls(**fields)

    def differences(self, other: Self) -> dict[str, tuple[Any, Any]]:
        """Returns `{field: (own value, other value)}` where the two differ."""
        names = (field.name for field in dataclasses.fields(self))
        pairs = {n: (getattr(self, n), getattr(other, n)) for n in names}
        return {
            name: pair for name, pair in pairs.items() if pair[0] != pair[1]
        }

    def run_name(self) -> str:
        """Returns a name for the folder of this run, another for another.

        What is run in words, then 8 hexadecimal digits that stand for all
        fields.
        """
        fields = self.to_json()
        for field in dataclasses.fields(self):
            if field.name in _LATER_FIELDS:
                if fields[field.name] == field.default:
                    del fields[field.name]
        text = json.dumps(fields, sort_keys=True)
        digits_of_all = hashlib.blake2b(text.encode(), digest_size=4)
        words = "_".join(self._words())
        return f"{words}_seed{self.seed}-{digits_of_all.hexdigest()}"

    def _words(self) -> list[str]:
        dataset = "".join(c if c.isalnum() else "_" for c in self.dataset)
        return [dataset, self.model or "own_model"]


def as_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields as JSON types: tuples become lists."""
    return json.loads(json.dumps(fields))


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


def require_choice(
    name: str, value: Any, choices: Sequence[str], otherwise: str = ""
) -> None:
    """Raises ValueError unless `value` is one of the choices.

    Args:
        name: The field, as the message calls it.
        value: What came.
        choices: What is allowed.
        otherwise: A flag that serves instead, for the message.
    """
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}"
            f"{f' (or set {otherwise})' if otherwise else ''}. "
            f"Received: --{name}={value}."
        )
