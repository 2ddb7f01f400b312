"""Writes a file whole or not at all.

    write beside it -> flush to the disk -> rename over it

Whoever reads meanwhile, or after a power cut, finds the old file or the new
one, never a part.
"""

import contextlib
import os
import pathlib


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Replaces `path` by a file that holds `content`.

    Raises:
        OSError: If the disk is full or may not be written to; the file's name
            is in the message, and an older file of this name is untouched.
    """
    path = pathlib.Path(path)
    # The beginning is the one that a run clears away when it is resumed; the
    # process id keeps two reports on one folder out of each other's way.
    draft = path.with_name(f".writing_{os.getpid()}_{path.name}")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        # A full disk is reported without a name.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft)
