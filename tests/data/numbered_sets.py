"""A small set whose images can be followed, its batches, and all crops."""

import numpy as np

from needle_tf.data import batches
from needle_tf.data import images


def build(count=10, shape=(5, 4, 2), dtype="uint8"):
    """A set whose training image i has the label i: rows can be followed."""
    rng = np.random.default_rng(0)
    return images.ImageData(
        "tiny",
        rng.integers(0, 256, (count, *shape)).astype(dtype),
        np.arange(count, dtype="int32"),
        rng.integers(0, 256, (7, *shape)).astype(dtype),
        np.arange(7, dtype="int32") % count,
        tuple(map(str, range(count))),
    )


def standardised(data, pixels):
    """The re-statement: (x - mean) / std, in float64."""
    train = data.train_images.astype("float64")
    axes = (0, 1, 2)
    return (pixels - train.mean(axes)) / train.std(axes)


def crops(image, flip, crop_padding, crop_fill="mean"):
    """All images that augmentation may make of a standardised one."""
    height, width, _ = image.shape
    around = (crop_padding, crop_padding)
    mode = {"mean": "constant", "reflect": "symmetric"}[crop_fill]
    padded = np.pad(image, (around, around, (0, 0)), mode)
    shifts = range(2 * crop_padding + 1)
    for top in shifts:
        for left in shifts:
            crop = padded[top : top + height, left : left + width]
            yield crop
            if flip:
                yield crop[:, ::-1]


def run(data, first=0, last=2, batch_size=4, seed=0, **augmentation):
    """The batches of some epochs as NumPy."""
    dataset = batches.training_batches(
        data,
        batch_size=batch_size,
        seed=seed,
        first_epoch=first,
        last_epoch=last,
        **augmentation,
    )
    return list(dataset.as_numpy_iterator())


AUGMENTATIONS = (
    ("plain", {}),
    ("flipped", {"flip": True}),
    ("cropped", {"crop_padding": 2}),
    ("both", {"flip": True, "crop_padding": 3}),
    (
        "mirrored",
        {"flip": True, "crop_padding": 2, "crop_fill": "reflect"},
    ),
)
