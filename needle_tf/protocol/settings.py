"""The numbers and choices of a run: what each is called, its unit and bounds.

A setting is a field of a configuration and a flag of the same name: `SHARED`
ones of every run, others of the relax protocol or of a training run alone.
Bounds stand here and nowhere else. Settings of the data sets and of the
optimizers are bounded where they are used (`data.loading`,
`optimizers.options`); here they only get their type and a line of help.
"""

from needle_tf.optimizers import options

Setting = options.Option

BASELINES = ("fcn", "lcn", "elcn")
CROP_FILLS = ("mean", "reflect")
OPTIMIZER_SLOTS = ("reset", "embed")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
SNAPSHOTS = ("all", "last", "none")
SPACES = ("fcn", "lcn", "band")
STATISTICS = ("channel", "scalar")
WARMUPS = ("linear", "discrete")


def _count(name: str, help: str, low: int = 1, **more) -> Setting:
    return Setting(name, int, help, low=low, **more)


def _positive(name: str, help: str) -> Setting:
    return Setting(name, float, help, low=0, is_low_open=True)


def _share(name: str, help: str) -> Setting:
    return Setting(name, float, help, low=0, high=1, is_high_open=True)


def _switch(name: str, help: str) -> Setting:
    return Setting(name, bool, help)


def _by_name(*settings: Setting) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings}


def number(text: str) -> float:
    """Returns the number that a text stands for; powers may be written 3^-2.5.

    Raises:
        ValueError: If it is no number.
    """
    base, power, exponent = text.partition("^")
    try:
        if not power:
            return float(text)
        result = float(base) ** float(exponent)
    except (ValueError, OverflowError, ZeroDivisionError):
        result = None
    if not isinstance(result, float):  # (-3)^0.5 is complex.
        raise ValueError(
            f"a number is written like 0.1, 1e-3 or 3^-2.5. Received: {text!r}."
        )
    return result


# What the data set reads; its bounds are in the data room.
DATA = _by_name(
    Setting("train_size", int, "Training images; all of them by default."),
    Setting("test_size", int, "Test images; all of them by default."),
    Setting("canvas_size", int, "Side of a cluttered digit, in pixels."),
    Setting("clutter_pieces", int, "Fragments beside a cluttered digit."),
    Setting("piece_size", int, "Side of such a fragment, in pixels."),
)

# 32 bits: keras.utils.set_random_seed and NumPy take no more.
_LARGEST_SEED = 2**32 - 1

SHARED = DATA | _by_name(
    _switch("flip", "Whether half of the training images are mirrored."),
    _count("crop_padding", "Largest random shift, in pixels.", low=0),
    Setting(
        "width",
        float,
        "Multiplies the channels of a network by name.",
        low=0,
        is_low_open=True,
    ),
    _count("epochs", "Epochs of training; relaxed nets can have others."),
    _count("batch_size", "Images per training step."),
    options.LEARNING_RATE,
    _switch("jit_compile", "Whether XLA compiles the steps."),
    _count("seed", "Decides every random choice.", low=0, high=_LARGEST_SEED),
    _switch("deterministic", "Whether a repeated run is equal to the bit."),
    _count("steps_per_execution", "Training steps per call of the device."),
    _count("checkpoint_interval", "Epochs between two resume points."),
)

RELAX = _by_name(
    _count("relax_epoch", "CNN epochs before the relaxed net.", low=0),
    _count("relaxed_epochs", "Epochs of a relaxed net alone."),
    _positive("relaxed_learning_rate", "Step size of a relaxed net."),
    _positive(
        "baseline_learning_rate",
        "Step size of the nets from scratch, fcn and lcn.",
    ),
    _count("radius", "Reach of --space=band, in pixels.", low=0),
    _count("log_checkpoints", "Log-spaced checkpoints of the CNN.", low=0),
    _count("distance_every_steps", "Steps between two distances.", low=0),
    _switch(
        "update_in_backward",
        "Whether relaxed nets and the FCN update each large kernel within the "
        "backward pass: less memory, the same numbers.",
    ),
    _switch(
        "layer_rotation",
        "Whether each stage also measures how far its layers turn from the "
        "weights that it began with.",
    ),
)

TRAINING = _by_name(
    _share(
        "validation_fraction",
        "Share of the training images that is held out for validation.",
    ),
    _switch(
        "test_at_best",
        "Whether the test accuracy reported is that of the epoch with the "
        "best validation accuracy, not of the last.",
    ),
    Setting(
        "l2",
        float,
        "Factor of the sum of all squared kernel weights in the loss (Keras' "
        "convention: twice of it is PyTorch's weight_decay); 0 for none.",
        low=0,
    ),
    Setting(
        "drop_factor",
        float,
        "What the step size is multiplied by at each of --drop_epochs.",
        low=0,
        high=1,
        is_low_open=True,
        is_high_open=True,
    ),
    Setting(
        "decay_per_epoch",
        float,
        "What the step size is multiplied by after each epoch, instead of at "
        "--drop_epochs.",
        low=0,
        high=1,
        is_low_open=True,
        is_high_open=True,
    ),
    _count(
        "warmup_epochs", "Epochs of warm-up from a tenth of the rate.", low=0
    ),
    _share(
        "stop_accuracy",
        "Training accuracy that --stop_accuracy_epoch must exceed; 0 for "
        "no such stop.",
    ),
    _count(
        "stop_accuracy_epoch",
        "Epoch, from 0, after which --stop_accuracy is asked for.",
        low=0,
    ),
    Setting(
        "stop_loss",
        float,
        "Training loss, penalty included, at which training stops; 0 for no "
        "such stop.",
        low=0,
    ),
    _count(
        "stop_unchanged_epochs",
        "Epochs of exactly one training loss after which training stops; 0 "
        "for no such stop.",
        low=0,
    ),
    _count(
        "rotation_every_steps",
        "Steps between two measurements of the rotation, besides those after "
        "each epoch; 0 for none.",
        low=0,
    ),
    _switch(
        "record_angles",
        "Whether the angle by which each kernel turns in each step is kept, "
        "for --replay.",
    ),
    _switch(
        "second_moments",
        "Whether percentiles of the optimizer's second moments are kept.",
    ),
    _count(
        "init_seed",
        "Decides the initial weights alone.",
        low=0,
        high=_LARGEST_SEED,
    ),
    _switch(
        "skeleton_start",
        "Whether the network starts with skeleton weights of 1 and smaller "
        "other ones, under any optimizer.",
    ),
    Setting(
        "unit_scale_spread",
        float,
        "The initial network is rescaled, unit by unit, by factors from "
        "1/spread to spread: the same function, badly scaled; 1 for no such.",
        low=1,
    ),
)

# One of a list of epochs.
DROP_EPOCH = _count(
    "drop_epochs", "Epoch, from 0, that begins with a smaller step size."
)

SETTINGS = SHARED | RELAX | TRAINING
