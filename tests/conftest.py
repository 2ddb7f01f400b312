"""What pytest needs on top of `tests/__init__.py`."""

import gc
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


# Files that take longest, longest first. With `-n` the workers begin with them,
# so that none is still busy with one when the others have nothing left.
_LONG_FILES = (
    "tests/main_test.py",
    "tests/train_test.py",
    "tests/protocol/training_test.py",
    "tests/protocol/relax_test.py",
    "tests/optimizers/ec_opt_test.py",
    "tests/protocol/relax_sweep_test.py",
    "tests/compare_test.py",
    "tests/protocol/resume_test.py",
    "tests/optimizers/contract_test.py",
    "tests/protocol/training_resume_test.py",
    "tests/public_api_test.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Lets Ctrl-C reach the programs that tests start, and sets the order.

    The workers of pytest-xdist ignore it, and so would all their children.
    Left alone pytest-xdist begins with the files of most tests: those of few
    but long ones come last.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    # While all is imported there is no garbage; see the end of collection.
    gc.disable()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Puts the longest files first, in the workers of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        return
    ranks = {name: rank for rank, name in enumerate(_LONG_FILES)}
    items.sort(
        key=lambda item: ranks.get(
            item.nodeid.partition("::")[0], len(_LONG_FILES)
        )
    )


def pytest_collection_finish() -> None:
    """Switches TF32 off in TensorFlow itself, once a test has imported it.

    The environment variable reaches NVIDIA's libraries, this one also the
    kernels that XLA writes.

    What is there by now stays: Python need not look through a million objects
    of the libraries for garbage again and again.
    """
    if "tensorflow" in sys.modules:
        tensorflow = sys.modules["tensorflow"]
        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    gc.collect()
    gc.freeze()
    gc.enable()
