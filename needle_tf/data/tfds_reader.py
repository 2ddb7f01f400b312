"""Reads one data set that TFDS has prepared into arrays.

Labels are read first, without decoding any image; then only those images are
decoded that are wanted, each once.
"""

import contextlib
import logging
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from needle_tf.data import memory
from needle_tf.data import pipelines

_IMAGES_PER_READ = 256


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message, or else its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextlib.contextmanager
def _without_tfds_deprecations() -> Iterator[None]:
    """Keeps TFDS from telling our user to change what only TFDS can change.

    Its partial decoding reads a property that it has itself deprecated.
    """

    def is_wanted(record: logging.LogRecord) -> bool:
        return "FeatureConnector.dtype` is deprecated" not in record.msg

    logger = logging.getLogger("absl")
    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)


class Reader:
    """Reads the images and labels of one prepared set.

    Args:
        name: What messages call the set.
        path: The folder of its version.
        image_size: `(height, width)` to which images are resized, or None.

    Attributes:
        splits: The names of the training and of the test split.
        class_names: One name per label.
        shape: `(height, width, channels)` of the images returned.
        dtype: Their dtype, "uint8" or "float32".

    Raises:
        ValueError: If it is no image classification set, lacks a split, or
            has images of varying size and `image_size` is None.
    """

    def __init__(
        self, name: str, path: pathlib.Path, image_size: tuple[int, int] | None
    ):
        import tensorflow_datasets as tfds

        try:
            self._builder = tfds.builder_from_directory(path)
        except Exception as error:
            # TFDS parses several files here, each with errors of its own.
            raise ValueError(
                f"{path} is no data set that TFDS can read: "
                f"{first_line(error)}. Prepare it again."
            ) from error
        self._name = name
        self.splits = self._choose_splits()
        self._image, self._label = self._choose_features()
        features = self._builder.info.features
        self.class_names = tuple(features[self._label].names)
        image = features[self._image]
        self.dtype = "uint8" if image.np_dtype == np.uint8 else "float32"
        *size, channels = image.shape
        if channels is None or (image_size is None and None in size):
            remedy = "one --image_size" if channels else "another --dataset"
            raise ValueError(
                f"the images of {name} vary in shape: {tuple(image.shape)} "
                f"(height, width, channels). Give {remedy}."
            )
        self.shape = (*(image_size or size), channels)
        self._is_resized = self.shape != tuple(image.shape)

    def _choose_splits(self) -> tuple[str, str]:
        there = self._builder.info.splits
        test = "test" if "test" in there else "validation"
        if "train" not in there or test not in there:
            raise ValueError(
                f"{self._name} must have the split train, and test or "
                f"validation. It has: {', '.join(there) or 'none'}. Choose "
                "another --dataset."
            )
        return "train", test

    def _choose_features(self) -> tuple[str, str]:
        """Returns the names of the image and of the label in an example.

        They are the set's supervised pair, or the only image and the only
        class label that there are.
        """
        import tensorflow_datasets as tfds

        info = self._builder.info
        kinds = (tfds.features.Image, tfds.features.ClassLabel)
        features = dict(info.features) if hasattr(info.features, "keys") else {}
        found = [
            [key for key, one in features.items() if type(one) is kind]
            for kind in kinds
        ]
        pair = info.supervised_keys
        if pair and all(
            key in keys for key, keys in zip(pair, found, strict=True)
        ):
            return tuple(pair)
        if [len(keys) for keys in found] == [1, 1]:
            return found[0][0], found[1][0]
        described = sorted(
            f"{key} ({type(one).__name__})" for key, one in features.items()
        )
        raise ValueError(
            f"{self._name} is not an image classification set, which has one "
            "image and one class label per example. It has: "
            f"{', '.join(described) or type(info.features).__name__}. Choose "
            "another --dataset."
        )

    def labels(self, split: str) -> np.ndarray:
        """Returns all labels of a split, int32, in the order stored.

        Raises:
            ValueError: If there are examples without a label.
        """
        batches = self._examples(split, {self._label: True}).batch(4096)
        labels = [batch[self._label] for batch in self._read(batches)]
        labels = np.concatenate(labels).astype("int32")
        if labels.min() < 0:
            raise ValueError(
                f"the split {split} of {self._name} has "
                f"{np.count_nonzero(labels < 0)} images without a label. "
                "Choose another --dataset."
            )
        return labels

    def images(self, split: str, rows: np.ndarray) -> np.ndarray:
        """Returns the images of some ascending rows of a split.

        Returns:
            Of shape `(len(rows), *shape)`.
        """
        import tensorflow as tf
        import tensorflow_datasets as tfds

        count = self._builder.info.splits[split].num_examples
        wanted = np.zeros(count, "bool")
        wanted[rows] = True
        encoded = self._examples(
            split,
            {self._image: True},
            {self._image: tfds.decode.SkipDecoding()},
        )
        with tf.device("CPU:0"):
            is_wanted = tf.constant(wanted)
        batches = (
            encoded.enumerate()
            .filter(lambda row, _: is_wanted[row])
            .map(
                lambda _, example: self._decoded(example[self._image]),
                num_parallel_calls=pipelines.parallel_calls(),
            )
            .batch(_IMAGES_PER_READ)
            .prefetch(pipelines.AHEAD)
        )
        images = np.empty((len(rows), *self.shape), self.dtype)
        start = 0
        for batch in self._read(batches):
            images[start : start + len(batch)] = batch
            start += len(batch)
        return images

    def require_room(self, count: int) -> None:
        """Refuses `count` images if they would not fit into memory."""
        memory.require_room(
            self._name,
            count * int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize,
            "Give a smaller --image_size, --train_size or --test_size.",
        )

    def _examples(self, split: str, wanted: dict, decoders: Any = None) -> Any:
        import tensorflow_datasets as tfds

        with _without_tfds_deprecations():
            return self._builder.as_dataset(
                split=split,
                decoders=tfds.decode.PartialDecoding(wanted, decoders),
                read_config=tfds.ReadConfig(try_autocache=False),
            )

    def _decoded(self, encoded: Any) -> Any:
        """Decodes one image (a graph) and brings it to size and dtype."""
        import tensorflow as tf

        image = self._builder.info.features[self._image].decode_example(encoded)
        if self._is_resized:
            image = tf.image.resize(image, self.shape[:2], antialias=True)
            if self.dtype == "uint8":
                image = tf.round(image)
        return tf.ensure_shape(tf.saturate_cast(image, self.dtype), self.shape)

    def _read(self, batches: Any) -> Iterator[Any]:
        """Yields batches as NumPy, naming the set if its files are broken."""
        import tensorflow as tf

        try:
            yield from pipelines.untuned(batches).as_numpy_iterator()
        except tf.errors.OpError as error:
            raise ValueError(
                f"the files of {self._name} in {self._builder.data_path} are "
                f"broken: {first_line(error)}. Prepare it again."
            ) from error
