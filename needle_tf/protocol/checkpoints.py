"""Checkpoints of one stage: compiled Keras models, one file per epoch.

A `.keras` file is a zip archive with a checksum of every part, so a damaged
one is known before anything is taken from it. It holds weights, optimizer and
loss scale; random states are functions of the epoch (see `randomness`).
"""

import pathlib
import re
import zipfile
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from typing import TYPE_CHECKING

from needle_tf.protocol import run_folder

if TYPE_CHECKING:
    import keras

_FOLDER = "checkpoints"
_NAME = re.compile(r"epoch_(\d+)\.keras")


def file_of(stage_path: pathlib.Path, epoch: int) -> pathlib.Path:
    """Returns where the checkpoint of an epoch lies, or would."""
    return stage_path / _FOLDER / f"epoch_{epoch:04d}.keras"


def epochs_in(stage_path: pathlib.Path) -> list[int]:
    """Returns the epochs with a checkpoint, ascending."""
    folder = stage_path / _FOLDER
    if not folder.is_dir():
        return []
    names = (_NAME.fullmatch(entry.name) for entry in folder.iterdir())
    return sorted(int(match[1]) for match in names if match)


def save(model: "keras.Model", stage_path: pathlib.Path, epoch: int) -> None:
    """Writes the checkpoint of an epoch, whole or not at all."""
    run_folder.write(file_of(stage_path, epoch), model.save)


def damage(file: pathlib.Path) -> str | None:
    """Returns what is wrong with a checkpoint's bytes; None if nothing is."""
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
        return str(error)
    return f"bad checksum of {broken}" if broken else None


def load(file: pathlib.Path) -> "keras.Model":
    """Returns the compiled model of a checkpoint.

    Raises:
        ValueError: Naming the file, if it is damaged.
    """
    import keras

    # Registers the layers that a relaxed network is made of, our optimizers
    # and their schedules.
    from needle_tf.embedding import convert  # noqa: F401
    from needle_tf.optimizers import ec_opt  # noqa: F401
    from needle_tf.optimizers import layca  # noqa: F401
    from needle_tf.optimizers import schedules  # noqa: F401
    from needle_tf.optimizers import study_sgd  # noqa: F401

    wrong = damage(file)
    if wrong:
        raise ValueError(
            f"{file} is corrupt ({wrong}). Put a good copy back, or remove it "
            "and repeat the command: the run goes on from an earlier one."
        )
    return keras.saving.load_model(file)


def newest_good(
    stage_path: pathlib.Path, not_after: int, report: Callable[[str], None]
) -> int | None:
    """Returns the last epoch to go on from; None if the stage has none.

    Args:
        stage_path: The folder of the stage.
        not_after: Later checkpoints do not count.
        report: Told of every damaged file and of what is taken instead.

    Raises:
        ValueError: Naming the files, if there are some and all are damaged.
    """
    bad = []
    for epoch in reversed(epochs_in(stage_path)):
        if epoch > not_after:
            continue
        file = file_of(stage_path, epoch)
        wrong = damage(file)
        if wrong is None:
            for line in bad:
                report(f"{line} Going on from the last good one, {file}.")
            return epoch
        bad.append(f"{file} is corrupt ({wrong}).")
    if bad:
        raise ValueError(
            f"{' '.join(bad)} No good checkpoint is left in "
            f"{stage_path / _FOLDER}. Put a good copy back, or remove the "
            f"folder {stage_path} to train this stage anew."
        )
    return None


def prune(
    stage_path: pathlib.Path, keep: Iterable[int], resume_points: int
) -> None:
    """Removes checkpoints except those of `keep` and the newest ones.

    Args:
        stage_path: The folder of the stage.
        keep: Epochs whose checkpoints stay.
        resume_points: How many of the newest stay besides: two, so that one
            damaged file does not cost the stage; none when it is finished.
    """
    epochs = epochs_in(stage_path)
    newest = epochs[len(epochs) - resume_points :] if resume_points else []
    for epoch in set(epochs) - set(keep) - set(newest):
        file_of(stage_path, epoch).unlink()
