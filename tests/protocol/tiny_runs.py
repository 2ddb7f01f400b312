"""Runs of a second: few real 8x8 digits and a CNN with all that has state.

The network has dropout and batch statistics, the optimizer momentum: what a
checkpoint must bring back besides the weights.
"""

import io
import json
import pathlib
import zipfile
from typing import Any

import h5py
import numpy as np

from needle_tf.data import images
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import training_config

TIMES = ("seconds", "images_per_second")


def write_model(file: pathlib.Path) -> None:
    """Writes the CNN for 8x8x1 images and 10 classes, always the same."""
    import keras

    keras.utils.set_random_seed(3)
    keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", name="conv_1"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Conv2D(4, 3, name="conv_2"),
            keras.layers.Dropout(0.3, name="drop"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="tiny",
    ).save(file)


def config(model_file: pathlib.Path | None = None, **changes: Any):
    """Returns the configuration of a tiny run: 6 steps in an epoch."""
    settings = {
        "dataset": "digits",
        "train_size": 120,
        "test_size": 60,
        "batch_size": 20,
        "epochs": 4,
        "relax_epochs": [2],
        "learning_rate": 0.05,
        "optimizer_options": {"momentum": 0.8},
        "optimizer_slots": "embed",
        "baselines": ["elcn"],
        "checkpoint_interval": 1,
        "log_checkpoints": 0,
    }
    if model_file is not None:
        settings["model_file"] = str(model_file)
    return config_lib.ProtocolConfig(**(settings | changes))


def training(model_file: pathlib.Path | None = None, **changes: Any):
    """Returns the configuration of a tiny training run: 5 steps in an epoch."""
    settings = {
        "dataset": "digits",
        "train_size": 120,
        "test_size": 60,
        "batch_size": 20,
        "validation_fraction": 0.2,
        "epochs": 3,
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "optimizer_options": {"momentum": 0.8},
        "checkpoint_interval": 1,
    }
    if model_file is not None:
        settings["model_file"] = str(model_file)
    return training_config.TrainingConfig(**(settings | changes))


def numbers(run_dir: pathlib.Path) -> dict[str, Any]:
    """Returns all histories of a run by stage, without the times."""
    found = {}
    for file in sorted(pathlib.Path(run_dir).glob("*/history.json")):
        history = json.loads(file.read_text())
        for row in history["epochs"]:
            for name in TIMES:
                del row[name]
        found[history["stage"]] = history
    return found


def weights(run_dir: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns every array of every checkpoint: weights, slots, counts.

    Not the files' bytes: they hold the date, and names that count how many
    optimizers a process has made.
    """
    found = {}

    def collect(file):
        def visit(name, entry):
            if isinstance(entry, h5py.Dataset):
                found[f"{file.relative_to(run_dir)}:{name}"] = entry[()]

        return visit

    for file in sorted(pathlib.Path(run_dir).rglob("*.keras")):
        with zipfile.ZipFile(file) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content) as arrays:
            arrays.visititems(collect(file))
    return found


def noise(shape: tuple[int, int, int]) -> images.ImageData:
    """Returns 8 images to train on and 4 to test on, of noise."""
    rng = np.random.default_rng(0)
    parts = []
    for count in (8, 4):
        parts.append(rng.integers(0, 256, (count, *shape)).astype("uint8"))
        parts.append(rng.integers(0, 10, count).astype("int32"))
    return images.ImageData("noise", *parts, tuple("0123456789"))
