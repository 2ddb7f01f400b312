"""The folder of a run: its layout, and writing that survives any crash.

    run_dir/config.json                  the configuration, compared at resume
    run_dir/inputs.json                  fingerprints of data and model file
    run_dir/flags.txt                    the flags really used
    run_dir/versions.json                what trained last: Python, libraries
    run_dir/<stage>/history.json         what was measured, epoch by epoch
    run_dir/<stage>/checkpoints/epoch_0020.keras
    run_dir/tensorboard/<stage>/         event files

A file is written beside its place, brought to the disk, and renamed: at any
moment its name stands for the old content or the new one, whole.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import shutil
import sys
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from needle_tf.protocol import run_config

# Takes the name of a stage.
Events = Callable[[str], pathlib.Path]

_LOCK = ".lock"
# What names of files and folders begin with that are being written.
UNFINISHED = ".writing_"
_LIBRARIES = (
    "tensorflow",
    "keras",
    "tensorflow-datasets",
    "tensorboard",
    "numpy",
)


class RunFolder:
    """Where everything of one run lies. Made by `opened`.

    Attributes:
        path: The folder.

    Args:
        path: The folder.
        events: Returns where the event files of a stage go; None for below
            the folder.
    """

    def __init__(self, path: pathlib.Path, events: Events | None = None):
        self.path = path
        self._events = events or (lambda stage: path / "tensorboard" / stage)

    def stage(self, name: str) -> pathlib.Path:
        """Returns the folder of one stage; it need not exist."""
        return self.path / name

    def tensorboard(self, stage: str) -> pathlib.Path:
        """Returns the folder of one stage's event files."""
        return self._events(stage)

    def note_versions(self) -> None:
        """Writes the versions of Python and the libraries that train now."""
        write_json(self.path / "versions.json", _versions())

    def record(self, name: str, content: dict[str, Any]) -> None:
        """Writes `content` as `<name>.json` unless it is there already.

        Raises:
            ValueError: If what is there differs: the run was begun with
                something else.
        """
        file = self.path / f"{name}.json"
        if not file.exists():
            write_json(file, content)
            return
        before = read_json(file)
        changed = [
            f"{key} (then {before.get(key)}, now {content.get(key)})"
            for key in sorted(before.keys() | content.keys())
            if before.get(key) != content.get(key)
        ]
        if changed:
            raise ValueError(
                f"{self.path} was begun with other {name}: "
                f"{'; '.join(changed)}. Give this run another --run_dir, or "
                "bring the former back."
            )


@contextlib.contextmanager
def opened(
    path: str | os.PathLike,
    config: run_config.RunConfig,
    events: Events | None = None,
    notes: Mapping[str, str] | None = None,
) -> Iterator[RunFolder]:
    """Opens the folder of a run, new or to be resumed, for this process alone.

    Args:
        path: The folder; it and its parents are made if they do not exist.
        config: What the run is; kept in the folder.
        events: As of `RunFolder`.
        notes: Text files to put into the folder, by name.

    Yields:
        The folder.

    Raises:
        ValueError: If the folder belongs to a run of another configuration, to
            something else than a run, or is in use by another process. Nothing
            is written then.
    """
    path = pathlib.Path(path).expanduser()
    check(path, config)
    path.mkdir(parents=True, exist_ok=True)
    with locked(path):
        # Again: another process may have begun a run in between.
        check(path, config)
        if not (path / "config.json").exists():
            write_json(path / "config.json", config.to_json())
        for leftover in list(path.rglob(f"{UNFINISHED}*")):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)  # Within a folder that went.
        for name, text in (notes or {}).items():
            write_text(path / name, text)
        yield RunFolder(path, events)


def write(file: pathlib.Path, writer: Callable[[pathlib.Path], None]) -> None:
    """Puts what `writer` writes to a path it is given into `file`, or nothing.

    Neither a killed process nor a power cut leaves half a file; an error, such
    as a full disk, leaves what was there before.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(UNFINISHED + file.name)
    try:
        writer(unfinished)
        _sync(unfinished)
        os.replace(unfinished, file)
    finally:
        # There only after an error. Not a `with` of a temporary file: the name
        # must end like `file`, and Keras opens it itself.
        with contextlib.suppress(OSError):
            unfinished.unlink()
    _sync(file.parent)


def write_text(file: pathlib.Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    write(file, lambda path: path.write_text(text, encoding="utf-8"))


def write_json(file: pathlib.Path, content: Any) -> None:
    """Writes `content` as JSON, whole or not at all; it holds no NaN."""
    write_text(file, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_json(file: pathlib.Path) -> Any:
    """Returns what `write_json` wrote.

    Raises:
        ValueError: Naming the file, if it is damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{file} is damaged ({error}). It was written whole, so the disk "
            "or somebody changed it: put a good copy back, or take a new "
            "--run_dir."
        ) from error


def check(path: str | os.PathLike, config: run_config.RunConfig) -> None:
    """Refuses a folder that is not one of this configuration; writes nothing.

    Raises:
        ValueError: As `opened`, but for the use by another process.
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(
            f"--run_dir={path} is a file. Name a folder, new or of this run."
        )
    file = path / "config.json"
    if not file.exists():
        others = others_in(path)
        if others:
            raise ValueError(
                f"--run_dir={path} is neither empty nor the folder of a run: "
                f"it has no config.json, but {', '.join(others[:3])}. Name "
                "another folder."
            )
        return
    content = read_json(file)
    try:
        kind = content.get("kind", run_config.OLDEST_KIND)
        before = None
        if kind == config.KIND:
            before = type(config).from_json(content)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{file} is no configuration of this version of needle_tf: "
            f"{error} Name another --run_dir."
        ) from error
    if before is None:
        raise ValueError(
            f"--run_dir={path} holds a run of another kind: {kind}, and this "
            f"one is {config.KIND}. Name another folder."
        )
    changed = [
        f"{run_config.flag_of(field)} (there {then!r}, now {now!r})"
        for field, (then, now) in before.differences(config).items()
    ]
    if changed:
        raise ValueError(
            f"--run_dir={path} holds a run of another configuration. "
            f"Different: {'; '.join(changed)}. Take the flags of "
            f"{path / 'flags.txt'} to go on with it, or another --run_dir."
        )


def others_in(path: pathlib.Path) -> list[str]:
    """Returns what lies in a folder besides what we left there, sorted."""
    return sorted(
        entry.name
        for entry in path.iterdir()
        if entry.name != _LOCK and not entry.name.startswith(UNFINISHED)
    )


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Holds the lock of a folder; it ends with this process, however it ends.

    Raises:
        ValueError: If another process holds it.
    """
    with open(path / _LOCK, "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"--run_dir={path} is in use by another process. Wait for it, "
                "or name another folder."
            ) from error
        yield


def _versions() -> dict[str, str]:
    """Returns what computes, by name; a library that is not there is not."""
    own = sys.modules[__name__.partition(".")[0]].__version__
    found = {"python": platform.python_version(), "needle_tf": own}
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _sync(path: pathlib.Path) -> None:
    """Brings a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
