"""Binary: what is measured on networks after training, alone or two of them.

    python -m needle_tf.compare --mode=interpolation --run_dir=runs/digits \\
        --first=efcn_relax20 --second=cnn --path=linear,outputs

Measures networks of a run, or of each trial of a sweep, or .keras files: paths
between two of them, ablations, off-local weights, locality, curvature, and the
distance at which accuracy is lost. Every result is a file, with a picture
beside it; the same command again measures nothing anew. The path modes string
and band train with --learning_rate (default 0.05), --epochs (10) and
--batch_size (250); elsewhere --batch_size (500) is that of measuring. Exit
codes are 0, 2 after a mistake, 130 after Ctrl-C.
"""

import collections
import functools
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from absl import flags

from needle_tf import compare_flags
from needle_tf import flag_groups
from needle_tf import front
from needle_tf.comparisons import jobs as jobs_lib
from needle_tf.comparisons import results as results_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import stored_networks
from needle_tf.reports import sweep_file

# So that --help lists them.
flags.adopt_module_key_flags(compare_flags)

_FOLDER = "analysis"
_tell = functools.partial(print, flush=True)


def main(argv: Sequence[str]) -> int:
    """Measures what the flags say; returns the exit code."""
    return front.guarded(
        argv, "compare", _run, again="measures what is not done yet"
    )


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    front.run(main)


def _run() -> int:
    asked = compare_flags.asked()
    jobs = jobs_lib.Jobs(asked, flag_groups.wants_library_logs(), _tell)
    if asked.run_dir is not None and sweep_file.is_there(asked.run_dir):
        problems = _sweep(asked, jobs)
    else:
        _single(asked, jobs)
        problems = []
    for problem in problems:
        front.complain(problem)
    return 2 if problems else 0


def _single(asked: jobs_lib.Asked, jobs: jobs_lib.Jobs) -> None:
    """Measures networks of one run, or of files."""
    run, folder, events = None, pathlib.Path(_FOLDER), None
    if asked.run_dir is not None:
        run = stored_networks.read_run(asked.run_dir)
        folder = run.path / _FOLDER
        events = run.path / "tensorboard" / _FOLDER
    if asked.out_dir is not None:
        folder, events = asked.out_dir, asked.out_dir / "tensorboard"
    made = jobs.make(jobs_lib.Place("", run, folder, events))
    groups = {}
    for each in made:
        name = results_lib.joined(asked.mode, each.names)
        if len(made) > 1:
            name = each.content["settings"]["path"]
        groups[name] = [each.content["result"]]
        _draw(each)
    _show(asked.mode, groups, [each.file for each in made])


def _draw(made: jobs_lib.Made) -> None:
    """Draws the picture of one result, unless it is there."""
    kind, picture = made.content["kind"], made.file.with_suffix(".png")
    if kind == "off_local" or picture.exists():
        return
    label = made.content["settings"].get("path", made.names[0])
    groups = {label: [made.content["result"]]}
    results_lib.draw(kind, groups, _title(made), picture)


def _title(made: jobs_lib.Made) -> str:
    title = results_lib.title_of(made.content["kind"], made.names)
    path = made.content["settings"].get("path")
    return title if path is None else f"{title}, {path}"


def _sweep(asked: jobs_lib.Asked, jobs: jobs_lib.Jobs) -> list[str]:
    """Measures networks of each trial; returns what went wrong."""
    trials = sweep_file.read(asked.run_dir).entries
    folder = asked.out_dir or asked.run_dir / _FOLDER
    made, problems, others = {}, [], []
    for number, trial in enumerate(trials, start=1):
        head = f"[{number}/{len(trials)}] {trial['name']}: "
        try:
            place = _place_of(trial, head, asked)
            made[trial["name"]] = jobs.make(place)
        except (
            stored_networks.NotTrainedYetError,
            stored_networks.NoSuchStageError,
        ) as error:
            _tell(f"{head}left out: {error}")
            others.append(str(error))
        except Exception as error:
            message = front.message_of(error)
            if message is None or flag_groups.wants_library_logs():
                raise
            _tell(f"{head}failed")
            problems.append(f"{trial['name']}: {message}")
        for each in made.get(trial["name"], ()):
            _draw(each)
    if not made and not problems:
        raise ValueError(
            f"No trial of {asked.run_dir} has {' and '.join(asked.names)}: "
            f"{others[0] if others else 'it has no trials.'}"
        )
    _show_sweep(asked.mode, trials, made, folder)
    return problems


def _place_of(
    trial: Mapping[str, Any], head: str, asked: jobs_lib.Asked
) -> jobs_lib.Place:
    run = stored_networks.read_run(asked.run_dir / trial["name"])
    folder = run.path / _FOLDER
    events = asked.run_dir / "tensorboard" / trial["name"] / _FOLDER
    if asked.out_dir is not None:
        folder = asked.out_dir / trial["name"]
        events = asked.out_dir / "tensorboard" / trial["name"]
    return jobs_lib.Place(head, run, folder, events)


def _show_sweep(
    mode: str,
    trials: Sequence[Mapping[str, Any]],
    made: Mapping[str, Sequence[jobs_lib.Made]],
    folder: pathlib.Path,
) -> None:
    """Writes and prints each analysis with mean and spread over seeds."""
    from needle_tf.reports import analysis_table

    texts = _texts(trials)
    by_name: dict[str, dict[str, list]] = {}
    firsts = {}
    for trial in trials:
        for each in made.get(trial["name"], ()):
            groups = by_name.setdefault(
                each.file.stem, collections.defaultdict(list)
            )
            text = texts[trial["label"]] or trial["label"] or trial["name"]
            if len(texts) == 1:
                # Seeds alone: then networks tell more than settings.
                text = results_lib.joined(mode, each.names)
            groups[text].append(each.content["result"])
            firsts.setdefault(each.file.stem, each)
    for stem, groups in by_name.items():
        each = firsts[stem]
        title = _title(each)
        table = analysis_table.format_table(mode, groups)
        files = [folder / f"{stem}.txt"]
        run_folder.write_text(files[0], f"{title}\n\n{table}\n")
        if mode != "off_local":
            # Units of several seeds have no mean: each trial has its own.
            picture = folder / f"{stem}.png"
            files.append(results_lib.draw(mode, groups, title, picture))
        print(f"\n{title}\n\n{table}\n")
        for file in files:
            print(f"{'written:':10}{file}")


def _texts(trials: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns a short text for each label."""
    from needle_tf.reports import setting_text

    identities = {
        trial["label"]: setting_text.Identity(
            trial["label"], trial.get("variant"), trial.get("settings", {})
        )
        for trial in trials
    }
    texts = setting_text.texts(list(identities.values()))
    return dict(zip(identities, texts, strict=True))


def _show(
    mode: str, groups: Mapping[str, Any], files: Sequence[pathlib.Path]
) -> None:
    """Prints the table and where the files lie."""
    from needle_tf.reports import analysis_table

    print(f"\n{analysis_table.format_table(mode, groups)}\n")
    for file in files:
        for suffix in (".json", ".png", ".npz"):
            written = file.with_suffix(suffix)
            if written.exists():
                print(f"{'written:':10}{written}")


if __name__ == "__main__":
    run()
