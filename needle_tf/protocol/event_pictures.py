"""Shows finished pictures in TensorBoard too."""

import pathlib
from collections.abc import Iterable

import tensorflow as tf

_FOLDER = "pictures"


def write(
    log_dir: pathlib.Path, pictures: Iterable[str | pathlib.Path]
) -> None:
    """Writes PNG files into event files, in place of those of before.

    Args:
        log_dir: The folder that TensorBoard looks at; they go into
            `pictures/` there.
        pictures: The files; one that is no PNG is left out. The tag is the
            name of the file.
    """
    folder = log_dir / _FOLDER
    for file in folder.glob("events.out.tfevents.*"):
        file.unlink()
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=0):
        for picture in map(pathlib.Path, pictures):
            if picture.suffix != ".png":
                continue
            pixels = tf.io.decode_png(picture.read_bytes(), channels=3)
            tf.summary.image(picture.stem, pixels[tf.newaxis])
    writer.close()
