"""Options of optimizers: what each is called, its type and its bounds.

One name means one thing for every optimizer that reads it, so that one flag
can serve them all. Bounds are written here and nowhere else: flags, the config
and the optimizers' constructors check against this table. It does not import
Keras, because `--help` is made from it.
"""

import dataclasses
import math
import numbers
import re


@dataclasses.dataclass(frozen=True)
class Option:
    """One setting of an optimizer.

    Attributes:
        name: Its name as a constructor argument and as a flag.
        kind: `float`, `int`, `bool`, `str` for one of `choices`, or `list`
            for regular expressions.
        help: What it does, in one sentence, for `--help`.
        low: Smallest value allowed (not itself, if `is_low_open`).
        high: Largest value allowed (not itself, if `is_high_open`).
        needs: Name of the option without which this one would be ignored.
        choices: The words allowed, for `str`.
    """

    name: str
    kind: type
    help: str
    low: float = -math.inf
    high: float = math.inf
    is_low_open: bool = False
    is_high_open: bool = False
    needs: str | None = None
    choices: tuple[str, ...] = ()

    def expected(self) -> str:
        """Returns in words what values are allowed."""
        if self.kind is bool:
            return "True or False"
        if self.kind is list:
            return "a list of regular expressions"
        if self.kind is str:
            return f"one of {', '.join(self.choices)}"
        noun = "an integer" if self.kind is int else "a finite number"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"{'>' if self.is_low_open else '>='} {self.low}")
        if self.high < math.inf:
            bounds.append(f"{'<' if self.is_high_open else '<='} {self.high}")
        return " ".join([noun, " and ".join(bounds)]).rstrip()

    def checked(self, value: object) -> object:
        """Returns `value` as a plain Python value of this option's type.

        Any real number is taken where a number is meant and becomes a float
        (Keras refuses `momentum=0` and NumPy scalars); only integers are taken
        where a count is meant.

        Raises:
            ValueError: If the type is wrong or the value out of bounds.
        """
        if not (self._is_of_kind(value) and self._is_in_bounds(value)):
            raise ValueError(
                f"`{self.name}` must be {self.expected()}. Received: "
                f"{self.name}={value!r}."
            )
        return self.kind(value)

    def _is_of_kind(self, value: object) -> bool:
        if self.kind is list:
            return isinstance(value, (list, tuple)) and all(
                map(_is_pattern, value)
            )
        if self.kind is str:
            return isinstance(value, str)
        # NumPy's bool has its own type, which is no numbers.Number.
        is_bool = isinstance(value, bool) or (
            type(value).__module__ == "numpy"
            and type(value).__name__ in ("bool", "bool_")
        )
        if self.kind is bool or is_bool:
            return self.kind is bool and is_bool
        wanted = numbers.Integral if self.kind is int else numbers.Real
        return isinstance(value, wanted)

    def _is_in_bounds(self, value: object) -> bool:
        if self.kind in (bool, list):
            return True
        if self.kind is str:
            return value in self.choices
        if self.kind is float and not _is_finite(value):
            return False
        if value < self.low or (self.is_low_open and value == self.low):
            return False
        return value < self.high or (
            value == self.high and not self.is_high_open
        )


def renamed(option: Option, name: str) -> Option:
    """Returns the same option under another name."""
    return dataclasses.replace(option, name=name)


def _is_finite(value: numbers.Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # An integer beyond the largest float.
        return False


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _number(name: str, help: str, **bounds) -> Option:
    return Option(name, float, help, **bounds)


def _positive(name: str, help: str) -> Option:
    return Option(name, float, help, low=0, is_low_open=True)


def _not_negative(name: str, help: str) -> Option:
    return Option(name, float, help, low=0)


def _decay(name: str, help: str) -> Option:
    # 1 itself would never take anything in: moments stay 0 and steps blow up.
    return Option(name, float, help, low=0, high=1, is_high_open=True)


LEARNING_RATE = _positive("learning_rate", "Step size.")
# Of an optimizer that exists: a callback may have set it to 0, and what was
# saved then must load again.
SETTABLE_RATE = dataclasses.replace(LEARNING_RATE, is_low_open=False)

INHERITED = (
    _not_negative(
        "weight_decay", "Share of each weight lost per unit of rate."
    ),
    _positive("clipnorm", "Largest norm of one variable's gradient."),
    _positive("clipvalue", "Largest absolute value of a gradient's entry."),
    _positive("global_clipnorm", "Largest norm of all gradients together."),
    Option("use_ema", bool, "Whether to keep a moving average of the weights."),
    dataclasses.replace(
        _decay("ema_momentum", "Decay of the moving average of the weights."),
        needs="use_ema",
    ),
    Option(
        "ema_overwrite_frequency",
        int,
        "Steps after which the average replaces the weights.",
        low=1,
        needs="use_ema",
    ),
    Option(
        "gradient_accumulation_steps",
        int,
        "Batches whose gradients make one step.",
        low=2,
    ),
)

OWN = (
    _number("momentum", "Decay of the accumulated gradient.", low=0, high=1),
    Option("nesterov", bool, "Whether momentum looks one step ahead."),
    _decay("rho", "Decay of the mean squared gradient."),
    _positive("epsilon", "Keeps a denominator from 0."),
    Option("centered", bool, "Whether to subtract the mean gradient squared."),
    _decay("beta_1", "Decay of the first moment."),
    _decay("beta_2", "Decay of the second moment."),
    Option("amsgrad", bool, "Whether second moments may only grow."),
    _not_negative("initial_accumulator_value", "Squared gradients at start."),
    _number("beta_2_decay", "Power of the step in 1 - beta_2.", high=0),
    _positive("epsilon_1", "Added to each squared gradient."),
    _not_negative("epsilon_2", "Smallest size of a weight in the step."),
    _positive("clip_threshold", "Root mean square at which steps are cut."),
    Option("relative_step", bool, "Whether the rate falls with 1/sqrt(step)."),
    _number("learning_rate_power", "Power of the squared gradients.", high=0),
    _not_negative("l1_regularization_strength", "Weight of the L1 penalty."),
    _not_negative("l2_regularization_strength", "Weight of the L2 penalty."),
    _not_negative(
        "l2_shrinkage_regularization_strength",
        "Weight of an L2 penalty that acts on the gradient.",
    ),
    _not_negative("beta", "The beta of the FTRL paper."),
    Option("warmup_steps", int, "Steps of linear warm-up from 0.", low=0),
    _decay("adam_beta_1", "The beta_1 of the Adam steps inside Muon."),
    _decay("adam_beta_2", "The beta_2 of the Adam steps inside Muon."),
    _not_negative("adam_weight_decay", "The weight_decay of those Adam steps."),
    _not_negative("adam_lr_ratio", "Rate of those Adam steps, times the rate."),
    Option(
        "exclude_layers", list, "Layers, by pattern in their path, under Adam."
    ),
    Option("exclude_embeddings", bool, "Whether embeddings go under Adam."),
    _number("muon_a", "Linear coefficient of the Newton-Schulz step."),
    _number("muon_b", "Cubic coefficient of the Newton-Schulz step."),
    _number("muon_c", "Quintic coefficient of the Newton-Schulz step."),
    Option("ns_steps", int, "Newton-Schulz steps per update.", low=1),
    _positive("rms_rate", "Root mean square of one update per unit of rate."),
    _not_negative("growth", "Most that a norm may grow in a step, relative."),
)

# Optimizers whose steps Layca turns into rotations.
INNER = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adam_momentum_sgd",
    "adamax",
    "adamw",
    "lamb",
    "lion",
    "muon",
    "nadam",
    "rmsprop",
    "sgd",
)

LAYCA = (
    Option(
        "inner_optimizer",
        str,
        "Optimizer whose steps Layca turns into rotations.",
        choices=INNER,
    ),
    Option(
        "controlled",
        list,
        "Weights that Layca controls, by pattern in their path; all kernels "
        "otherwise.",
    ),
    Option(
        "others",
        str,
        "What becomes of the weights that Layca does not control.",
        choices=("frozen", "inner"),
    ),
    dataclasses.replace(
        _positive(
            "others_learning_rate", "Rate at which the others are trained."
        ),
        needs="others",
    ),
    Option(
        "granularity",
        str,
        "What turns by one angle: a layer, or each of its units.",
        choices=("layer", "unit"),
    ),
    Option(
        "exact_angle",
        bool,
        "Whether the rate is the angle itself and not its tangent.",
    ),
    Option(
        "project",
        bool,
        "Whether the part of a step along the weights is taken out.",
    ),
    Option(
        "restore_norm", bool, "Whether layers keep the norm of their start."
    ),
    _number(
        "alpha",
        "Above 0 the last layers turn fastest, below 0 the first ones.",
        low=-1,
        high=1,
        is_low_open=True,
        is_high_open=True,
    ),
    Option(
        "alpha_skips",
        list,
        "Kernels, by pattern, that are no depth position for alpha: shortcuts.",
        needs="alpha",
    ),
)

EC_OPT = (
    Option(
        "skeleton",
        str,
        "Which weights make the skeleton of EC-Opt: by index, by the largest "
        "product of weights, or by index and set to 1 at the start (ones).",
        choices=("ones", "max_product", "index"),
    ),
    _number(
        "ratio_low",
        "Least that a path value of the skeleton is multiplied by in a step.",
        low=0,
        high=1,
        is_low_open=True,
        is_high_open=True,
    ),
    _number(
        "ratio_high",
        "Most that a path value of the skeleton is multiplied by in a step.",
        low=1,
        is_low_open=True,
    ),
    Option(
        "comparable_rate",
        bool,
        "Whether the rate of EC-Opt is scaled by the path values at the "
        "start, so that one rate means as much as in the weights.",
    ),
)

OPTIONS = {
    option.name: option for option in (*INHERITED, *OWN, *LAYCA, *EC_OPT)
}
