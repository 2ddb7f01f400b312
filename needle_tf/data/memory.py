"""Whether arrays fit into memory, asked before anything is read.

A set is held as arrays, and training keeps a float32 copy of what it can; half
of the memory that is free now is therefore the most that the arrays may take.
"""

SHARE_FOR_ARRAYS = 0.5


def available_bytes() -> int:
    """Returns how many bytes of memory can be had now without swapping."""
    import psutil

    return psutil.virtual_memory().available


def readable(count: int) -> str:
    """Returns a number of bytes in words, like `1.5 GiB`."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def require_room(what: str, count: int, remedy: str) -> None:
    """Refuses arrays of `count` bytes if they would not fit into memory.

    Args:
        what: What would be held, as the subject of the message.
        count: Bytes of all its arrays together.
        remedy: What to type instead, as a sentence.

    Raises:
        ValueError: If `count` is more than half of the available memory.
    """
    limit = int(SHARE_FOR_ARRAYS * available_bytes())
    if count > limit:
        raise ValueError(
            f"{what} would not fit into memory: the images take "
            f"{readable(count)}, and at most {readable(limit)} (half of what "
            f"is free) may be used. {remedy}"
        )
