"""Binary: the relax protocol.

    python -m needle_tf.main --relax_epoch=20

Trains a CNN, embeds it in its fully connected net at the relax epoch, trains
that on, and compares both with nets from scratch. Everything of a run lies in
--run_dir; the same command goes on with a run that was interrupted. Exit codes
are 0, 2 after a mistake or a diverged stage, 130 after Ctrl-C.
"""

import errno
import shlex
import sys
from collections.abc import Sequence

from absl import app
from absl import flags

from needle_tf import flag_groups
from needle_tf.protocol import relax

# So that --help lists them.
flags.adopt_module_key_flags(flag_groups)

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def main(argv: Sequence[str]) -> int:
    """Runs the protocol as the flags say; returns the exit code."""
    try:
        if len(argv) > 1:
            raise ValueError(
                f"there are flags only. Received: {' '.join(argv[1:])}. Flags "
                "begin with two dashes: --name=value."
            )
        return _run()
    except KeyboardInterrupt:
        typed = ["python", "-m", "needle_tf.main", *sys.argv[1:]]
        _complain(
            "stopped; the same command goes on from the last checkpoint: "
            f"{shlex.join(typed)}"
        )
        return 130
    except Exception as error:
        message = message_of(error)
        if message is None or flag_groups.wants_library_logs():
            raise
        _complain(message)
        return 2


def message_of(error: Exception) -> str | None:
    """Returns what to tell a user about an error; None if it is ours.

    Mistakes are ValueErrors, which say what to do. The machine's limits come
    as OSErrors or as TensorFlow's own errors, which say it in other words.
    """
    text = f"{type(error).__name__} {error}"
    code = error.errno if isinstance(error, OSError) else None
    if code in _DISK_FULL or "No space left on device" in text:
        return (
            f"the disk is full: {error}. What was written before is whole. "
            "Free some space and repeat the command, which goes on from the "
            "last checkpoint."
        )
    if code in _DISK_CLOSED or "Read-only file system" in text:
        return (
            f"the run folder cannot be written to: {error}. Name another "
            "folder as --run_dir, or change the permissions."
        )
    if isinstance(error, MemoryError) or "ResourceExhausted" in text:
        first_line = text.splitlines()[0]
        return (
            f"memory ran out ({first_line}). Lower --batch_size or --width, "
            "or take --precision=mixed_bfloat16."
        )
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}."
    if isinstance(error, ValueError | OSError):
        return str(error)
    return None


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    app.run(main, flags_parser=_parsed)


def _run() -> int:
    config = flag_groups.protocol_config()
    run_dir = flag_groups.run_dir(config)
    outcome = relax.run(
        config,
        run_dir,
        library_logs=flag_groups.wants_library_logs(),
        notes={"flags.txt": flag_groups.as_flag_file(config)},
        **flag_groups.run_arguments(),
    )
    _show_results(run_dir)
    for problem in outcome.problems:
        _complain(problem)
    return 2 if outcome.problems else 0


def _show_results(run_dir: str) -> None:
    """Prints the table, writes results and picture, says where all lies."""
    from needle_tf.reports import figures
    from needle_tf.reports import results

    rows = results.write_results(run_dir)
    picture = figures.draw_curves(run_dir)
    print(f"\n{results.format_table(rows)}\n")
    for what, where in (
        ("results", f"{run_dir}/results.json and results.csv"),
        ("curves and distance", picture),
        ("flags of this run", f"{run_dir}/flags.txt"),
        ("checkpoints", f"{run_dir}/<stage>/checkpoints"),
        ("TensorBoard", f"tensorboard --logdir {run_dir}/tensorboard"),
    ):
        print(f"{what + ':':21}{where}")


def _parsed(arguments: Sequence[str]) -> list[str]:
    """Returns what is left of the command line after the flags.

    Ends the process with 2 after a mistake, for which absl would print the
    whole help and end with 1, and with 0 after `--help`.
    """
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        _complain(str(error).removeprefix("ERROR:: "))
        sys.exit(2)
    except SystemExit:  # Help was asked for, and has been printed.
        sys.exit(0)


def _complain(message: str) -> None:
    sys.stdout.flush()
    print(f"needle_tf: {message}", file=sys.stderr)


if __name__ == "__main__":
    run()
