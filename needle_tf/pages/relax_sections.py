"""The page's sections of runs of the relax protocol."""

import pathlib

from needle_tf.figures import curves_figure
from needle_tf.figures import pictures
from needle_tf.figures import relax_figures
from needle_tf.figures import relax_rotations_figure
from needle_tf.pages import analysis_sections
from needle_tf.pages import page_blocks
from needle_tf.pages import relax_findings
from needle_tf.pages import run_facts
from needle_tf.reports import analysis_files
from needle_tf.reports import cells
from needle_tf.reports import network_names
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials
from needle_tf.reports import results

# File, heading, caption.
_PICTURES = (
    (
        "relax_epochs",
        "Accuracy against relax time",
        "Test accuracy of the relaxed networks after their last epoch, by the "
        "epoch at which the CNN was relaxed; the mean over seeds, and their "
        "range as a band. Where the curve lies above the line of the CNN, "
        "dropping the constraints has helped; the line of the FCN is where "
        "training without a CNN would have led.",
    ),
    (
        "distances",
        "Distance from the CNN subspace",
        "The off-local share of the weights' norm while the relaxed networks "
        "are trained, and after their last epoch against the relax epoch. A "
        "small share means that the network stays close to the CNN that it "
        "stems from, though nothing holds it there.",
    ),
    (
        "accuracy_distance",
        "Distance against accuracy",
        "Each point is a network of one seed after its last epoch. A fall to "
        "the level of the FCN beyond some distance is the threshold of "
        "finding 5.",
    ),
    (
        "curves",
        "Learning curves",
        "Test accuracy over all epochs of training; a relaxed network branches "
        "off the CNN at its relax epoch. The band is the range over seeds.",
    ),
)
_ROTATION = (
    "layer-rotation",
    "Layer rotation",
    "How far each kernel has turned from the weights that its network began "
    "with, as a cosine distance. A relaxed network begins with the weights of "
    "the CNN, so its curves start anew at the relax epoch.",
)


def sections(
    folder: pathlib.Path, facts: run_facts.Facts
) -> list[page_blocks.Section]:
    """Returns the sections of results, and draws their pictures.

    Args:
        folder: The folder of a relax run or of a sweep that has begun.
        facts: What it is about.

    Raises:
        ValueError: If a file is not whole; the message names it.
        OSError: If a picture cannot be written.
    """
    sweep = relax_trials.read(folder)
    return [
        relax_findings.section(sweep),
        *_curves(sweep, folder),
        *_analyses(sweep, folder),
        _rotation(sweep, folder, facts),
        _networks(sweep),
    ]


def _curves(
    sweep: relax_trials.RelaxSweep, folder: pathlib.Path
) -> list[page_blocks.Section]:
    by_name = {path.stem: path for path in _drawn(sweep, folder)}
    found = []
    for name, title, caption in _PICTURES:
        anchor = name.replace("_", "-")
        if name in by_name:
            block = page_blocks.picture(by_name[name], f"{title}.", caption)
            found.append(
                page_blocks.Section(
                    anchor, title, [block], pictures=[by_name[name]]
                )
            )
        else:
            reason = "No network has come so far that it could be drawn."
            found.append(page_blocks.missing(anchor, title, reason))
    return found


def _drawn(
    sweep: relax_trials.RelaxSweep, folder: pathlib.Path
) -> list[pathlib.Path]:
    if sweep.is_sweep:
        return relax_figures.draw_sweep(folder)
    # The curves of one run are those that `needle_tf.main` draws.
    built = {
        "relax_epochs.png": relax_figures.build_relax_epochs(sweep),
        "distances.png": relax_figures.build_distances(sweep),
        "accuracy_distance.png": relax_figures.build_accuracy_distance(sweep),
    }
    paths = [
        pictures.save(figure, folder / name)
        for name, figure in built.items()
        if figure is not None
    ]
    return [*paths, curves_figure.draw_curves(folder)]


def _analyses(
    sweep: relax_trials.RelaxSweep, folder: pathlib.Path
) -> list[page_blocks.Section]:
    texts = _settings(sweep)
    found = analysis_files.read(
        [(texts[trial.label], trial.path) for trial in sweep.trials]
    )
    return analysis_sections.sections(
        found, folder, _examples(sweep), sweep.title
    )


def _settings(sweep: relax_trials.RelaxSweep) -> dict[str, str]:
    """Returns what each label is called, "" if there is but one."""
    names = relax_names.Names(sweep)
    if len(names.labels) == 1:
        return dict.fromkeys(names.labels, "")
    return {label: names.text_of([label]) for label in names.labels}


def _examples(sweep: relax_trials.RelaxSweep) -> dict[str, str]:
    """Returns networks for commands, by the names of `Topic.arguments`."""
    stages = [
        stage for trial in sweep.trials for stage in trial.stages.values()
    ]
    relaxed = [
        stage.stage
        for stage in stages
        if stage.is_relaxed and stage.kind != "elcn"
    ]
    if not relaxed:
        return {}
    has_level = any(stage.kind == "fcn" for stage in stages)
    level = " --second=fcn" if has_level else ""
    return {"first": relaxed[-1], "second": "cnn", "level": level}


def _rotation(
    sweep: relax_trials.RelaxSweep,
    folder: pathlib.Path,
    facts: run_facts.Facts,
) -> page_blocks.Section:
    anchor, title, caption = _ROTATION
    figure = relax_rotations_figure.build_figure(sweep)
    if figure is None:
        if True in facts.values("layer_rotation"):
            return page_blocks.missing(anchor, title, "Not measured yet.")
        reason = (
            "Not measured. Runs of needle_tf.main measure it with the flag "
            "--layer_rotation."
        )
        return page_blocks.missing(anchor, title, reason)
    path = pictures.save(figure, folder / "report_layer_rotation.png")
    block = page_blocks.picture(path, f"{title} of each network.", caption)
    return page_blocks.Section(anchor, title, [block], pictures=[path])


def _networks(sweep: relax_trials.RelaxSweep) -> page_blocks.Section:
    rows = [
        (trial, trial.stages[row.stage], row)
        for trial in sweep.trials
        if trial.stages
        for row in results.rows(trial.path)
    ]
    texts = _settings(sweep)
    columns = {
        "Network": [network_names.name_of(stage) for _, stage, _ in rows],
        "Setting": [texts[trial.label] for trial, _, _ in rows],
        "Seed": [
            "-" if trial.seed is None else trial.seed for trial, _, _ in rows
        ],
        "Status": [row.status for _, _, row in rows],
        "Epochs": [
            f"{row.first_epoch} to {row.last_epoch}" for _, _, row in rows
        ],
        "Weights": [cells.shortened(row.parameters) for _, _, row in rows],
        "Training %": [cells.percent(row.train_accuracy) for *_, row in rows],
        "Test %": [cells.percent(row.test_accuracy) for *_, row in rows],
        "Best % (epoch)": [_best(row) for *_, row in rows],
        "delta": [_share(row.delta) for *_, row in rows],
        "delta_share": [_share(row.delta_share) for *_, row in rows],
        "Time": [cells.duration(row.seconds) for *_, row in rows],
        "Images/s": [
            cells.shortened(row.images_per_second) for *_, row in rows
        ],
    }
    if not any(columns["Setting"]):
        del columns["Setting"]
    caption = "The state of each network after its last epoch."
    table = page_blocks.table(columns, caption, left=("Setting", "Status"))
    return page_blocks.Section("networks", "Network by network", [table])


def _best(row: results.Result) -> str:
    if row.best_test_accuracy is None:
        return "-"
    return f"{cells.percent(row.best_test_accuracy)} ({row.best_epoch})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
