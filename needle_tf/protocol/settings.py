"""The numbers and choices of a run: what each is called, its unit and bounds.

A setting is a field of `ProtocolConfig` and a flag of the same name. Bounds
stand here and nowhere else. Settings of the data sets and of the optimizers
are bounded where they are used (`data.loading`, `optimizers.options`); here
they only get their type and a line of help.
"""

from needle_tf.optimizers import options

Setting = options.Option

BASELINES = ("fcn", "lcn", "elcn")
OPTIMIZER_SLOTS = ("reset", "embed")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
SPACES = ("fcn", "band")


def _count(name: str, help: str, low: int = 1, **more) -> Setting:
    return Setting(name, int, help, low=low, **more)


def _switch(name: str, help: str) -> Setting:
    return Setting(name, bool, help)


# What the data set reads; its bounds are in the data room.
DATA = (
    Setting("train_size", int, "Training images; all of them by default."),
    Setting("test_size", int, "Test images; all of them by default."),
    Setting("canvas_size", int, "Side of a cluttered digit, in pixels."),
    Setting("clutter_pieces", int, "Fragments beside a cluttered digit."),
    Setting("piece_size", int, "Side of such a fragment, in pixels."),
)

NUMBERS = (
    _switch("flip", "Whether half of the training images are mirrored."),
    _count("crop_padding", "Largest random shift, in pixels.", low=0),
    Setting(
        "width",
        float,
        "Multiplies the channels of a network by name.",
        low=0,
        is_low_open=True,
    ),
    _count("epochs", "Epochs of the CNN and of the nets from scratch."),
    _count("batch_size", "Images per training step."),
    options.LEARNING_RATE,
    _count("relax_epoch", "CNN epochs before the relaxed net.", low=0),
    _count("relaxed_epochs", "Epochs of a relaxed net alone."),
    Setting(
        "relaxed_learning_rate",
        float,
        "Step size of a relaxed net.",
        low=0,
        is_low_open=True,
    ),
    Setting(
        "baseline_learning_rate",
        float,
        "Step size of the nets from scratch, fcn and lcn.",
        low=0,
        is_low_open=True,
    ),
    _count("radius", "Reach of --space=band, in pixels.", low=0),
    _switch("jit_compile", "Whether XLA compiles the steps."),
    # keras.utils.set_random_seed and NumPy take 32 bits.
    _count("seed", "Decides every random choice.", low=0, high=2**32 - 1),
    _switch("deterministic", "Whether a repeated run is equal to the bit."),
    _count("steps_per_execution", "Training steps per call of the device."),
    _count("checkpoint_interval", "Epochs between two resume points."),
    _count("log_checkpoints", "Log-spaced checkpoints of the CNN.", low=0),
    _count("distance_every_steps", "Steps between two distances.", low=0),
)

SETTINGS = {setting.name: setting for setting in (*DATA, *NUMBERS)}
