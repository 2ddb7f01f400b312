"""What a run says while it goes on."""

import sys
from collections.abc import Callable
from typing import Any

CHOICES = ("auto", "bar", "line", "none")


def is_bar(progress: str) -> bool:
    """Returns whether Keras draws a bar: on a terminal, unless told else."""
    return progress == "bar" or (progress == "auto" and sys.stdout.isatty())


def line_writer(
    stage: str, last_epoch: int, progress: str, report: Callable[[str], None]
) -> Callable[[dict[str, Any]], None]:
    """Returns a function that reports a row of the history as one line.

    Where there is a bar only the row before training is reported, which Keras
    does not show.

    Args:
        stage: Name of the stage.
        last_epoch: The epoch at which it ends.
        progress: One of `CHOICES`.
        report: Takes the line.
    """

    def write(row: dict[str, Any]) -> None:
        is_start = row["loss"] is None
        if progress == "none" or (is_bar(progress) and not is_start):
            return
        width = len(str(last_epoch))
        parts = [f"{stage}  epoch {row['epoch']:{width}d}/{last_epoch}"]
        if not is_start:
            parts.append(f"loss {row['loss']:.4f}")
            parts.append(f"accuracy {row['accuracy']:.4f}")
        if row.get("val_accuracy") is not None:
            parts.append(f"validation accuracy {row['val_accuracy']:.4f}")
        parts.append(f"test loss {row['test_loss']:.4f}")
        parts.append(f"test accuracy {row['test_accuracy']:.4f}")
        if row.get("delta_cnn"):
            parts.append(f"delta {row['delta']:.4f}")
        if row.get("rotation_mean") is not None and not is_start:
            parts.append(f"rotation {row['rotation_mean']:.4f}")
        if row["seconds"]:
            parts.append(f"{row['seconds']:.1f} s")
        report("  ".join(parts))

    return write
