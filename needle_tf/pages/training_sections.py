"""The page's sections of training runs: what was trained under an optimizer.

One run, or a sweep with mean and spread over seeds; the pictures are those
that `needle_tf.train` draws too.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

from needle_tf.figures import sweep_figures
from needle_tf.figures import training_figures
from needle_tf.pages import analysis_sections
from needle_tf.pages import page_blocks
from needle_tf.reports import analysis_files
from needle_tf.reports import cells
from needle_tf.reports import groups as groups_lib
from needle_tf.reports import training_results
from needle_tf.reports import trials as trials_lib

# What a run is called that is no part of a sweep.
_ALONE = "this run"
# File, heading, caption.
_PICTURES = (
    (
        "accuracy",
        "Accuracy against what is swept",
        "Test accuracy after training, the mean over seeds and the range of "
        "them. The height of a line tells what a setting is worth, its band "
        "how much of that is chance.",
    ),
    (
        "curves",
        "Learning curves and layer rotation",
        "Accuracy over epochs, and how far each kernel has turned from its "
        "initial weights. A rotation of 0 is unturned, 1 is orthogonal.",
    ),
    (
        "rotations",
        "Layer rotation",
        "How far each kernel has turned from its initial weights, by its "
        "depth, the mean over seeds. Layers that end together near 1 go with "
        "good generalisation in the study of layer rotation.",
    ),
    (
        "speed",
        "Learning curves",
        "Training accuracy and loss over epochs, the mean over seeds. A line "
        "that rises earlier trains faster; test accuracy is in the table.",
    ),
    (
        "features",
        "What the first layer looks for",
        "Weights of units of the first layer before and after training. "
        "Structure that appears is what the layer has learnt.",
    ),
    (
        "second_moments",
        "Second moments of the gradient",
        "Percentiles of the second moments that the optimizer keeps, by layer "
        "and over epochs. Where they differ by orders of magnitude, so do the "
        "effective step sizes.",
    ),
)


def sections(folder: pathlib.Path) -> list[page_blocks.Section]:
    """Returns the sections of results, and draws their pictures.

    Args:
        folder: The folder of a training run or of a sweep that has begun.

    Raises:
        ValueError: If a file is not whole; the message names it.
        OSError: If a picture cannot be written.
    """
    if trials_lib.is_sweep(folder):
        sweep = trials_lib.read_sweep(folder)
        paths = sweep_figures.draw_sweep(folder)
        names = "accuracy", "rotations", "speed", "features", "second_moments"
    else:
        # A copy of the folder, under another name, gives an equal page.
        trial = dataclasses.replace(
            trials_lib.read_run(folder), name=_ALONE, label=_ALONE
        )
        sweep = trials_lib.Sweep(axes={}, variants=(), trials=(trial,))
        paths = training_figures.draw_run(folder)
        names = "curves", "features", "second_moments"
    by_name = {path.stem: path for path in paths}
    parts = [_findings(sweep)]
    for name, title, caption in _PICTURES:
        if name in names:
            parts.append(_picture(name, title, caption, by_name.get(name)))
    rows = training_results.rows(folder)
    if not trials_lib.is_sweep(folder):
        rows = [dataclasses.replace(row, name=_ALONE) for row in rows]
    return [*parts, *_analyses(sweep, folder), _runs(rows)]


def _analyses(
    sweep: trials_lib.Sweep, folder: pathlib.Path
) -> list[page_blocks.Section]:
    """Returns the sections of those analyses that were made."""
    groups = groups_lib.group(sweep)
    found = analysis_files.read(
        [
            (group.text if len(groups) > 1 else "", trial.path)
            for group in groups
            for trial in group.trials
        ]
    )
    sections = analysis_sections.sections(found, folder, networks={})
    return [section for section in sections if not section.is_empty]


def _picture(name, title, caption, path):
    anchor = name.replace("_", "-")
    if path is None:
        return page_blocks.missing(anchor, title, "Not measured in these runs.")
    block = page_blocks.picture(path, f"{title}.", caption)
    return page_blocks.Section(anchor, title, [block], pictures=[path])


def _findings(sweep: trials_lib.Sweep) -> page_blocks.Section:
    groups = groups_lib.group(sweep)
    columns = {
        "Setting": [group.text for group in groups],
        "Seeds": [_count(group) for group in groups],
        "Test %": [_percent(g.results("test_accuracy")) for g in groups],
        "Training %": [_percent(g.results("accuracy")) for g in groups],
        "Held-out %": [_percent(g.results("val_accuracy")) for g in groups],
        "Rotation": [_number(g.results("rotation_mean")) for g in groups],
        "Smallest rotation": [
            _number(g.results("rotation_min")) for g in groups
        ],
        "Remarks": [group.troubles() for group in groups],
    }
    caption = (
        "Mean \N{PLUS-MINUS SIGN} standard deviation over the seeds that came "
        "to their end. Rotation: cosine distance of kernels from their initial "
        "weights."
    )
    table = page_blocks.table(_filled(columns), caption, left=("Remarks",))
    return page_blocks.Section("findings", "The findings at a glance", [table])


def _runs(
    rows: Sequence[training_results.Result],
) -> page_blocks.Section:
    columns = {
        "Run": [row.name for row in rows],
        "Seed": ["-" if row.seed is None else row.seed for row in rows],
        "Status": [row.status for row in rows],
        "Epochs": [row.epochs_reached for row in rows],
        "Weights": [cells.shortened(row.parameters) for row in rows],
        "Training %": [cells.percent(row.train_accuracy) for row in rows],
        "Test %": [cells.percent(row.test_accuracy) for row in rows],
        "Best test %": [cells.percent(row.best_test_accuracy) for row in rows],
        "Time": [cells.duration(row.seconds) for row in rows],
        "Images/s": [cells.shortened(row.images_per_second) for row in rows],
    }
    table = page_blocks.table(
        columns, "The state of each run after its last epoch.", left=("Status",)
    )
    return page_blocks.Section("runs", "Run by run", [table])


def _filled(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Returns the columns without those that are empty."""
    return {
        name: column
        for name, column in columns.items()
        if set(column) - {"", "-"}
    }


def _count(group: groups_lib.Group) -> str:
    ended, total = len(group.ended), len(group.trials)
    return str(total) if ended == total else f"{ended} of {total}"


def _percent(shares: Sequence[float]) -> str:
    return cells.spread([100 * share for share in shares], ".2f")


def _number(values: Sequence[float]) -> str:
    return cells.spread(values, ".3f")
