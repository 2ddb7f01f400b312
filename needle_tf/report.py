"""Binary: one page with tables and pictures of a run or a sweep.

    python -m needle_tf.report RUN_OR_SWEEP_FOLDER [ANOTHER_FOLDER ...]

Writes report.html into each folder, with all pictures inside, and the pictures
as PNG files beside it. Takes the folders of runs and sweeps of needle_tf.main
and needle_tf.train, finished or still running, and shows what they and
needle_tf.compare have written: nothing is trained or measured. --run_dir=FOLDER
may be typed as well. Exit codes are 0, 2 after a mistake, 130 after Ctrl-C.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from needle_tf import flag_groups
from needle_tf import front

# What this binary reads; front brings the flags of all binaries.
_READ = ("run_dir", "library_logs")
flags.declare_key_flag("library_logs")


def main(argv: Sequence[str]) -> int:
    """Writes the pages of the folders named; returns the exit code."""
    return front.guarded(
        argv,
        "report",
        lambda: _run(argv[1:]),
        takes_names=True,
        again="writes the report anew",
    )


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    front.run(main)


def _run(names: Sequence[str]) -> int:
    _refuse_others()
    problems = [_problem_of(folder) for folder in _folders(names)]
    for problem in filter(None, problems):
        front.complain(problem)
    return 2 if any(problems) else 0


def _problem_of(folder: str) -> str | None:
    """Writes the page of one folder; returns what went wrong, or None."""
    from needle_tf.pages import page

    try:
        path, *pictures = page.write(folder)
    except Exception as error:
        message = front.message_of(error)
        if message is None or flag_groups.wants_library_logs():
            raise
        return message
    count = f"{len(pictures)} picture{'s' * (len(pictures) != 1)} beside it"
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB, {count})")
    return None


def _folders(names: Sequence[str]) -> list[str]:
    """Returns the folders that were named, each once."""
    run_dir = flags.FLAGS.run_dir
    if run_dir and names:
        raise ValueError(
            "folders are named either as they are or by --run_dir. Received: "
            f"{' '.join(names)} and --run_dir={run_dir}. Leave one away."
        )
    found = [run_dir] if run_dir else list(names)
    if not found:
        raise ValueError(
            "the folder of a run or of a sweep is needed. Received none. Type "
            "python -m needle_tf.report FOLDER, with the folder that --run_dir "
            "named when it was run."
        )
    return list(dict.fromkeys(str(pathlib.Path(name)) for name in found))


def _refuse_others() -> None:
    """Refuses flags that other binaries read and this one would ignore."""
    by_module = flags.FLAGS.flags_by_module_dict()
    ignored = sorted(
        f"--{flag.name}"
        for flag in by_module[flag_groups.__name__]
        if flag.present and flag.name not in _READ
    )
    if ignored:
        raise ValueError(
            f"the report would ignore {', '.join(ignored)}: it shows what was "
            "run, as it was run. Leave it away."
        )


if __name__ == "__main__":
    run()
