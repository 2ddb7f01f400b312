"""Takes back what event files say of steps that will be trained again.

A killed process may have written steps after the checkpoint from which its
stage goes on. TensorBoard would show them twice: start marks in event files do
not move it to forget TensorFlow 2 scalars. So the files are written anew.
"""

import os
import pathlib
import time
from collections.abc import Container
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from needle_tf.data import pipelines
from needle_tf.protocol import run_folder

_PATTERN = "events.out.tfevents.*"


def cut_after(
    log_dir: pathlib.Path, step: int, tags_at_step: Container[str] = ()
) -> None:
    """Rewrites the event files of a folder without the steps after `step`.

    The events that stay are put into one file; half an event at the end of a
    file, which a killed process left, goes.

    Args:
        log_dir: The folder; it need not exist.
        step: The last step that stays.
        tags_at_step: Of that step only these tags stay: the others will be
            measured again where training begins.
    """
    files = sorted(log_dir.glob(_PATTERN))
    if not files:
        return
    kept, seen = [], set()
    for event in (e for file in files for e in _events(file)):
        values = [
            value
            for value in event.summary.value
            if (event.step < step or value.tag in tags_at_step)
            # Twice, if a process was killed in here.
            and (event.step, value.tag) not in seen
        ]
        if event.step <= step and values:
            seen |= {(event.step, value.tag) for value in values}
            del event.summary.value[:]
            event.summary.value.extend(values)
            kept.append(event)
    name = f"{_PATTERN[:-1]}{int(time.time()):010d}.{os.getpid()}.kept"
    run_folder.write(log_dir / name, lambda path: _write(path, kept))
    for file in files:
        if file.name != name:
            file.unlink()


def _events(file: pathlib.Path) -> Iterator[Any]:
    """Yields the whole events of a file."""
    try:
        for record in pipelines.untuned(tf.data.TFRecordDataset(str(file))):
            yield tf.compat.v1.Event.FromString(record.numpy())
    except tf.errors.DataLossError:
        return


def _write(path: pathlib.Path, events: list[Any]) -> None:
    version = tf.compat.v1.Event(
        wall_time=time.time(), file_version="brain.Event:2"
    )
    with tf.io.TFRecordWriter(str(path)) as writer:
        for event in (version, *events):
            writer.write(event.SerializeToString())
