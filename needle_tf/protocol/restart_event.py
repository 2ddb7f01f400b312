"""Tells TensorBoard that a stage goes on from an earlier step.

The killed process may have written steps after the checkpoint that the stage
is resumed from; they will be written again. TensorBoard drops what it knows
from the step of a start event on.
"""

import pathlib


def write(log_dir: pathlib.Path, step: int) -> None:
    """Adds a start event to the event files of a stage.

    Args:
        log_dir: Folder of the event files.
        step: The step at which training begins again; events at this step stay.
    """
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer import event_file_writer

    writer = event_file_writer.EventFileWriter(str(log_dir))
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    writer.add_event(event_pb2.Event(step=step + 1, session_log=start))
    writer.close()
