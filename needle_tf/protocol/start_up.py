"""Starts Keras and TensorFlow: fast on any CPU, and without their chatter."""

import contextlib
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

# Keras imports them where they are, for scikit-learn's interface and galleries
# of images: as long as TensorFlow takes.
_UNUSED_BY_KERAS = ("matplotlib", "sklearn")


def import_keras() -> None:
    """Imports Keras with its backend, in half the time that it takes.

    Without two libraries that it brings along and that no binary uses by way
    of Keras; they can be imported afterwards. Python's garbage collector waits
    meanwhile: it would look through what is imported again and again. Where
    Keras is imported already, nothing happens.
    """
    if "keras" in sys.modules:
        return
    kept_out = [name for name in _UNUSED_BY_KERAS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import keras  # noqa: F401
    finally:
        for name in kept_out:
            del sys.modules[name]
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def quiet(is_quiet: bool, with_keras: bool = False) -> Iterator[None]:
    """Keeps from the screen what libraries write to stderr as they start.

    TensorFlow prints some lines while it is imported, whatever it is told, and
    does so from C++: the file descriptor itself is led elsewhere. If the body
    raises, what was written is shown after all, unless it was a ValueError,
    which is a mistake that its message explains. What comes later is silenced
    by environment variables, unless they are set to something already.

    TensorFlow is also told to use oneDNN, likewise. If the body is the first
    to import it, what is there afterwards is left alone by Python's garbage
    collector (`gc.freeze`): a million objects of libraries that live as long as
    the process would be looked through with each of its collections.

    Args:
        is_quiet: False lets everything reach the screen.
        with_keras: Whether to call `import_keras` first.
    """
    was_imported = "tensorflow" in sys.modules
    with _led_elsewhere(is_quiet):
        if with_keras:
            import_keras()
        yield
    if not was_imported and "tensorflow" in sys.modules:
        gc.collect()  # What is garbage now would be kept, too.
        gc.freeze()


@contextlib.contextmanager
def _led_elsewhere(is_quiet: bool) -> Iterator[None]:
    """Sets the environment, and leads stderr away while libraries start."""
    # Left alone TensorFlow takes oneDNN on the newest CPUs only; on those with
    # AVX2 alone, matrix products are three times as fast with it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not is_quiet:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Python's side: TensorFlow warns of a trace for every network of a run, and
    # TFDS, by absl, tells of every reading.
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except ValueError:  # Of the user's; it says what there is to say.
            raise
        except Exception:
            sys.stderr.flush()
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
