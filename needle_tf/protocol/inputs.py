"""What goes into a run besides its configuration: data, files, precision."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator

from needle_tf.data import images
from needle_tf.data import loading
from needle_tf.protocol import run_config
from needle_tf.protocol import start_up


def load(
    config: run_config.RunConfig,
    data_dir: str | None,
    download: bool,
    library_logs: bool = False,
) -> images.ImageData:
    """Returns the data set of a run, standardised as it is asked for.

    TFDS imports TensorFlow, which keeps as quiet as where training starts; a
    download shows how far it is.

    Args:
        config: Which set, and how much of it.
        data_dir: Where the data lie, for `data.loading`.
        download: Whether TFDS may download them.
        library_logs: Whether libraries may print what they do.

    Raises:
        ValueError: If the set cannot be had.
    """
    given = {n: getattr(config, n) for n in run_config.DATA_ARGUMENTS}
    with start_up.quiet(not library_logs and not download):
        data = loading.load(
            config.dataset,
            data_dir=data_dir,
            download=download,
            seed=config.seed,
            **{n: value for n, value in given.items() if value is not None},
        )
    if config.statistics == "scalar":
        return data.with_scalar_statistics()
    return data


def fingerprints(
    config: run_config.RunConfig, data_fingerprint: str
) -> dict[str, str]:
    """Returns what changes if data or model file do, by name.

    Args:
        config: Names the model file, if there is one.
        data_fingerprint: That of the data.

    Raises:
        ValueError: If there is no model file.
    """
    found = {"data": data_fingerprint}
    if config.model_file is not None:
        advice = "Give the path of a file that `model.save` wrote"
        found["model_file"] = of_file(
            config.model_file, f"{advice} as --model_file."
        )
    return found


def of_file(path: str | os.PathLike, advice: str) -> str:
    """Returns 16 hexadecimal digits that change if the file does.

    Raises:
        ValueError: With the advice, if there is no such file.
    """
    file = pathlib.Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"there is no file {file}. {advice}")
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Lets layers compute in this precision; gives the former back."""
    start_up.import_keras()
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
