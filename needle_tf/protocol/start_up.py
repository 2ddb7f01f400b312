"""Starts Keras and TensorFlow: fast on any CPU, and without their chatter."""

import contextlib
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(is_quiet: bool) -> Iterator[None]:
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
    """
    was_imported = "tensorflow" in sys.modules
    with _led_elsewhere(is_quiet):
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
