"""What every binary does at its door: flags in, messages and exit codes out.

Exit codes are 0, 2 after a mistake or a run that went wrong, 130 after Ctrl-C.
"""

import errno
import shlex
import sys
from collections.abc import Callable
from collections.abc import Sequence

from absl import app
from absl import flags

from needle_tf import flag_groups

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def guarded(
    argv: Sequence[str],
    binary: str,
    work: Callable[[], int],
    *,
    takes_names: bool = False,
    again: str = "goes on from the last checkpoint",
) -> int:
    """Does the work of a binary and returns the exit code.

    Mistakes become one line on stderr. What is no mistake of the user is
    raised, and with `--library_logs` everything is.

    Args:
        argv: What is left of the command line after the flags.
        binary: Name of the binary, as in `python -m needle_tf.<binary>`.
        work: Returns the exit code.
        takes_names: Whether words that are no flags are meant for the work.
        again: What the same command does after Ctrl-C.
    """
    try:
        if len(argv) > 1 and not takes_names:
            raise ValueError(
                f"there are flags only. Received: {' '.join(argv[1:])}. Flags "
                "begin with two dashes: --name=value."
            )
        return work()
    except KeyboardInterrupt:
        typed = ["python", "-m", f"needle_tf.{binary}", *sys.argv[1:]]
        complain(f"stopped; the same command {again}: {shlex.join(typed)}")
        return 130
    except Exception as error:
        message = message_of(error)
        if message is None or flag_groups.wants_library_logs():
            raise
        complain(message)
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


def run(main: Callable[[Sequence[str]], int]) -> None:
    """Parses the flags and ends the process with the code of `main`."""
    app.run(main, flags_parser=_parsed)


def _parsed(arguments: Sequence[str]) -> list[str]:
    """Returns what is left of the command line after the flags.

    Ends the process with 2 after a mistake, for which absl would print the
    whole help and end with 1, and with 0 after `--help`.
    """
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        complain(str(error).removeprefix("ERROR:: "))
        sys.exit(2)
    except SystemExit:  # Help was asked for, and has been printed.
        sys.exit(0)


def complain(message: str) -> None:
    """Prints a message to stderr, behind what was printed so far."""
    sys.stdout.flush()
    print(f"needle_tf: {message}", file=sys.stderr)
