"""What pytest needs on top of `tests/__init__.py`."""

import signal
import sys
import tempfile

import pytest
from absl import flags
from absl.testing import absltest  # noqa: F401 - defines --test_tmpdir


@pytest.fixture(scope="session", autouse=True)
def _parsed_flags():
    """Gives absltest its flags, and a temporary folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="needle_tf_tests_") as folder:
        flags.FLAGS.mark_as_parsed()
        flags.FLAGS.test_tmpdir = folder
        yield


def pytest_configure() -> None:
    """Lets Ctrl-C reach the programs that tests start.

    The workers of pytest-xdist ignore it, and so would all their children.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Switches TF32 off in TensorFlow itself, once a test has imported it.

    The environment variable reaches NVIDIA's libraries, this one also the
    kernels that XLA writes.
    """
    if "tensorflow" in sys.modules:
        tensorflow = sys.modules["tensorflow"]
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
