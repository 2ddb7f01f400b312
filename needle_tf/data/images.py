"""A labelled set of images in memory, with the statistics of its pixels.

    standardised = (images - mean) * (1 / std)        per channel

where mean and std are those of the training images, for the test images too.
`batches` does so; what is held here are the pixels as they came. In place of a
mean and a std per channel there may be one of each for all channels,

    mean = mean_c(mean_c),   std^2 = mean_c(std_c^2 + (mean_c - mean)^2).
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

import numpy as np

_IMAGE_DTYPES = ("uint8", "float32")
# Pixels are summed in float64; in pieces, so that no float64 copy of a whole
# set is ever made.
_IMAGES_PER_PIECE = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """Images to train and to test on, with their labels, all in memory.

    Args:
        name: What the set is called, as in `--dataset`.
        train_images: Of shape `(count, height, width, channels)`, uint8 or
            float32, in the set's own units.
        train_labels: Classes in `[0, num_classes)`, int32, `(count,)`.
        test_images: Like `train_images`, of the same image shape and dtype.
        test_labels: Like `train_labels`.
        class_names: One name per class, in the order of the labels.
        source: Where the images came from, in words, for reports.
        statistics: Mean and standard deviation by channel, `(C,)` each, where
            they are not to be those of `train_images`; as `hold_out` and
            `with_scalar_statistics` set them.

    Raises:
        ValueError: If the arrays do not fit together.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    source: str = ""
    statistics: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", tuple(self.class_names))
        names = self.class_names
        if len(names) < 2 or len(set(names)) != len(names):
            raise ValueError(
                "`class_names` must be at least two different names. "
                f"Received: {names}."
            )
        for part in ("train", "test"):
            self._validate_images(f"{part}_images")
            self._validate_labels(f"{part}_labels", f"{part}_images")
        kinds = [
            (images.shape[1:], images.dtype.name)
            for images in (self.train_images, self.test_images)
        ]
        if kinds[0] != kinds[1]:
            raise ValueError(
                "training and test images must have one shape and dtype. "
                f"Received: {kinds[0]} to train and {kinds[1]} to test on."
            )
        if self.statistics is not None:
            self._validate_statistics()

    def _validate_images(self, field: str) -> None:
        images = getattr(self, field)
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(
                f"`{field}` must have shape (count, height, width, channels), "
                f"none of them 0. Received: shape={images.shape}."
            )
        if images.dtype.name not in _IMAGE_DTYPES:
            raise ValueError(
                f"`{field}` must be one of {', '.join(_IMAGE_DTYPES)}. "
                f"Received: dtype={images.dtype.name}."
            )
        if images.dtype.kind == "f" and not np.isfinite(images).all():
            raise ValueError(
                f"`{field}` must be finite. Received: "
                f"{np.count_nonzero(~np.isfinite(images))} pixels that are "
                "NaN or infinite."
            )

    def _validate_labels(self, field: str, images: str) -> None:
        labels = getattr(self, field)
        count = len(getattr(self, images))
        if labels.shape != (count,) or labels.dtype.name != "int32":
            raise ValueError(
                f"`{field}` must be int32 of shape {(count,)}, one label per "
                f"image. Received: dtype={labels.dtype.name}, "
                f"shape={labels.shape}."
            )
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise ValueError(
                f"`{field}` must lie in [0, {self.num_classes}), the number "
                "of class names. Received: labels from "
                f"{labels.min()} to {labels.max()}."
            )

    def _validate_statistics(self) -> None:
        mean, std = (np.asarray(one, "float64") for one in self.statistics)
        shape = self.input_shape[-1:]
        are_numbers = np.isfinite(mean).all() and np.isfinite(std).all()
        if mean.shape != shape or std.shape != shape or not are_numbers:
            raise ValueError(
                "`statistics` must be a mean and a standard deviation, finite "
                f"numbers of shape {shape}, one per channel. Received: shapes "
                f"{mean.shape} and {std.shape}"
                f"{'' if are_numbers else ', some NaN or infinite'}."
            )
        if (std < 0).any():
            raise ValueError(
                "`statistics` must have standard deviations of at least 0. "
                f"Received: {std.min()}."
            )
        object.__setattr__(self, "statistics", (mean, std))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: `(height, width, channels)`."""
        return self.train_images.shape[1:]

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @functools.cached_property
    def mean(self) -> np.ndarray:
        """Mean of each channel over the training images: float32, `(C,)`.

        Those of `statistics`, if they were given.
        """
        return self.moments[0].astype("float32")

    @functools.cached_property
    def std(self) -> np.ndarray:
        """Standard deviation of each channel, likewise; 1 where it is 0."""
        std = self.moments[1].astype("float32")
        return np.where(std > 0, std, np.float32(1))

    @functools.cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each channel, float64, `(C,)` each.

        What `mean` and `std` are rounded from; a deviation may be 0 here.
        """
        if self.statistics is not None:
            return self.statistics
        count = self.train_images[..., 0].size
        channels = self.input_shape[-1]
        flat = self.train_images.reshape(len(self.train_images), -1)

        def channel_mean(function: Callable) -> np.ndarray:
            # Summed over images first: long rows, which NumPy adds fast.
            summed = sum(
                function(
                    flat[start : start + _IMAGES_PER_PIECE].astype("float64")
                ).sum(axis=0)
                for start in range(0, len(flat), _IMAGES_PER_PIECE)
            )
            return summed.reshape(-1, channels).sum(axis=0) / count

        mean = channel_mean(lambda pixels: pixels)
        means = np.tile(mean, flat.shape[1] // channels)
        return mean, np.sqrt(channel_mean(lambda p: (p - means) ** 2))

    def with_scalar_statistics(self) -> "ImageData":
        """Returns the same images, to be standardised by two scalars.

        They are the mean and the standard deviation of all pixels of all
        channels of the training images. Of a set from which validation images
        were held out, they are still those of the whole training set: the two
        steps may change places.
        """
        means, stds = self.moments
        mean = means.mean()
        std = np.sqrt(np.mean(stds**2 + (means - mean) ** 2))
        return dataclasses.replace(
            self,
            statistics=(np.full_like(means, mean), np.full_like(stds, std)),
        )

    def fingerprint(self) -> str:
        """Returns 16 hexadecimal digits that change if anything in here does.

        The same images give the same digits in any process, so a run that is
        resumed can notice that its data are others now.
        """
        digest = hashlib.blake2b(digest_size=8)
        digest.update(repr(self.class_names).encode())
        for array in (
            self.train_images,
            self.train_labels,
            self.test_images,
            self.test_labels,
        ):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
        if self.statistics is not None:
            # Rounded: summed in another order they are still the same.
            for values in (self.mean, self.std):
                digest.update(values.tobytes())
        return digest.hexdigest()
