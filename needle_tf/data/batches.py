"""Batches of standardised images as `tf.data`, the same after any resume.

The order of epoch e and what augmentation does in its batch b are functions of
(seed, e) and (seed, e, b) alone: starting at epoch k gives what a run from 0
gives from epoch k on.

Flips and crops move pixels and standardisation looks at one pixel at a time,
so they may change places; images are standardised first, for what a crop adds
at the border is then 0, the mean colour of the training images. Or the border
is a mirror, the pixel at the edge repeated (Keras' `fill_mode="reflect"`):

    d c b a | a b c d | d c b a
"""

import functools
import weakref

import tensorflow as tf

from needle_tf.data import arguments
from needle_tf.data import images
from needle_tf.data import memory
from needle_tf.data import pipelines

# Up to this share of the free memory, images are standardised once and held as
# float32, four times the size of uint8; beyond, batch by batch, which gives
# the same numbers and costs some time in each step.
_HELD_SHARE = 0.25

# What a crop shows beyond the border, and what TensorFlow calls the padding.
_PADDING_MODES = {"mean": "CONSTANT", "reflect": "SYMMETRIC"}
CROP_FILLS = tuple(_PADDING_MODES)

# For what tf.data calls: it has no branches or loops over tensors, which
# AutoGraph would rewrite, and only looking for them takes a second.
_as_it_is = tf.autograph.experimental.do_not_convert

# Sources by set, then by part; they go when their set goes.
_SOURCES = weakref.WeakKeyDictionary()


def steps_per_epoch(data: images.ImageData, batch_size: int) -> int:
    """Returns the number of batches of an epoch, a last small one included.

    Raises:
        ValueError: If `batch_size` is no positive integer.
    """
    batch_size = arguments.require_integer("batch_size", batch_size, 1)
    return -(-len(data.train_images) // batch_size)


def training_batches(
    data: images.ImageData,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int,
    last_epoch: int,
    flip: bool = False,
    crop_padding: int = 0,
    crop_fill: str = "mean",
) -> tf.data.Dataset:
    """Returns the training images, shuffled anew in each epoch.

    Args:
        data: The set.
        batch_size: Images per batch; the last one of an epoch may be smaller.
        seed: Decides order and augmentation together with the epoch.
        first_epoch: Number of the first epoch, from 0.
        last_epoch: Number after the last epoch.
        flip: Mirrors each image left to right with probability one half.
        crop_padding: Shifts each image by up to so many whole pixels each way
            (a crop of the padded image).
        crop_fill: What comes in at the border: `"mean"`, the mean colour, or
            `"reflect"`, the image mirrored at its edge.

    Returns:
        A dataset of `(last_epoch - first_epoch) * steps_per_epoch` pairs:
        float32 images `(batch, height, width, channels)`, standardised per
        channel, and int32 labels `(batch,)`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    steps = steps_per_epoch(data, batch_size)
    seed = arguments.require_seed(seed)
    first_epoch = arguments.require_integer("first_epoch", first_epoch, 0)
    last_epoch = arguments.require_integer(
        "last_epoch", last_epoch, first_epoch
    )
    _require_crop(data, crop_padding, crop_fill)
    augmented = functools.partial(
        augment, flip=flip, crop_padding=crop_padding, crop_fill=crop_fill
    )
    source = _Source.of(data, "train")

    @_as_it_is
    def batch(rows, batch_seed):
        chosen, labels = source.gather(rows)
        return augmented(chosen, seed=batch_seed), labels

    epochs = tf.data.Dataset.range(first_epoch, last_epoch)
    rows_of = functools.partial(
        _epoch_rows, seed=seed, count=source.count, batch_size=batch_size
    )
    return _running(
        epochs.flat_map(rows_of).map(
            batch, num_parallel_calls=pipelines.parallel_calls()
        ),
        steps * (last_epoch - first_epoch),
    )


@_as_it_is
def _epoch_rows(
    epoch: tf.Tensor, seed: int, count: int, batch_size: int
) -> tf.data.Dataset:
    """Returns which rows each batch of an epoch takes, and the batch's seed."""
    epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
    order = tf.random.experimental.stateless_shuffle(
        tf.range(count), seed=epoch_seed, alg="philox"
    )

    @_as_it_is
    def rows(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch_seed = tf.random.experimental.stateless_fold_in(
            epoch_seed, start, alg="philox"
        )
        return order[start : start + batch_size], batch_seed

    return tf.data.Dataset.range(0, count, batch_size).map(rows)


def test_batches(data: images.ImageData, *, batch_size: int) -> tf.data.Dataset:
    """Returns the test images in their order, standardised alike.

    Args:
        data: The set.
        batch_size: Images per batch; the last one may be smaller.

    Returns:
        A dataset of pairs as `training_batches` gives them.

    Raises:
        ValueError: If `batch_size` is no positive integer.
    """
    batch_size = arguments.require_integer("batch_size", batch_size, 1)
    source = _Source.of(data, "test")

    @_as_it_is
    def batch(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        end = tf.minimum(start + batch_size, source.count)
        return source.gather(tf.range(start, end))

    starts = tf.data.Dataset.range(0, source.count, batch_size)
    return _running(starts.map(batch), len(starts))


def augment(
    batch: tf.Tensor,
    *,
    seed: tf.Tensor,
    flip: bool,
    crop_padding: int,
    crop_fill: str = "mean",
) -> tf.Tensor:
    """Returns the images mirrored and shifted at random, each by itself.

    Args:
        batch: `(batch, height, width, channels)`.
        seed: Two int64 numbers; equal seeds give equal results.
        flip: Whether half of the images are mirrored left to right.
        crop_padding: Largest shift in pixels, each way.
        crop_fill: What comes in at the border: `"mean"`, which is 0 in
            standardised images, or `"reflect"`, the image mirrored there,
            `crop_padding` being at most its shorter side.

    Returns:
        A tensor of the shape of `batch`.

    Raises:
        ValueError: If `crop_fill` is neither.
    """
    _require_fill(crop_fill)
    count = tf.shape(batch)[0]
    _, height, width, _ = batch.shape
    flips, downs, rights = tf.unstack(
        tf.random.experimental.stateless_split(seed, 3, alg="philox")
    )
    rows = tf.tile(tf.range(height)[tf.newaxis], (count, 1))
    columns = tf.tile(tf.range(width)[tf.newaxis], (count, 1))
    if crop_padding:
        around = [crop_padding, crop_padding]
        batch = tf.pad(
            batch, [[0, 0], around, around, [0, 0]], _PADDING_MODES[crop_fill]
        )
        rows += _integers(count, 2 * crop_padding + 1, downs)
        columns += _integers(count, 2 * crop_padding + 1, rights)
        batch = tf.gather(batch, rows, axis=1, batch_dims=1)
    if flip:
        is_mirrored = _integers(count, 2, flips) == 1
        columns = tf.where(is_mirrored, columns[:, ::-1], columns)
    if crop_padding or flip:
        # One gather serves both: columns are shifted and read in reverse.
        batch = tf.gather(batch, columns, axis=2, batch_dims=1)
    return batch


def _require_crop(
    data: images.ImageData, crop_padding: int, crop_fill: str
) -> None:
    # More than this, and some crops would show nothing of their image.
    largest = min(data.input_shape[:2]) - 1
    arguments.require_integer("crop_padding", crop_padding, 0, largest)
    _require_fill(crop_fill)


def _require_fill(crop_fill: str) -> None:
    if crop_fill not in CROP_FILLS:
        raise ValueError(
            f"`crop_fill` must be one of {', '.join(CROP_FILLS)}: the mean "
            "colour, or the image mirrored at its edge. Received: "
            f"crop_fill={crop_fill!r}."
        )


def _integers(count: tf.Tensor, limit: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns random integers in [0, limit), `(count, 1)`."""
    return tf.random.stateless_uniform(
        (count, 1), seed, 0, limit, tf.int32, "philox"
    )


class _Source:
    """The images of one part of a set, ready to be gathered by row."""

    def __init__(self, data: images.ImageData, part: str):
        pixels = getattr(data, f"{part}_images")
        labels = getattr(data, f"{part}_labels")
        self.count = len(labels)
        self._is_raw = not _has_room(4 * pixels.size)
        # On the CPU: captured by tf.data, which runs there.
        with tf.device("CPU:0"):
            self._pixels = tf.constant(pixels)
            self._labels = tf.constant(labels)
            self._mean = tf.constant(data.mean)
            self._scale = tf.constant(1 / data.std)
            if not self._is_raw:
                self._pixels = _standardised_in_place(
                    self._pixels, self._mean, self._scale
                )

    @classmethod
    def of(cls, data: images.ImageData, part: str) -> "_Source":
        """Returns the one source of this part, made at its first use.

        All stages of a run share it: a copy for each would add up, for tf.data
        gives its tensors back late.
        """
        known = _SOURCES.setdefault(data, {})
        if part not in known:
            known[part] = cls(data, part)
        return known[part]

    def gather(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the standardised images and the labels of some rows."""
        chosen = tf.gather(self._pixels, rows)
        if self._is_raw:
            chosen = _standardised(chosen, self._mean, self._scale)
        return chosen, tf.gather(self._labels, rows)


def _standardised(
    pixels: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor
) -> tf.Tensor:
    return (tf.cast(pixels, "float32") - mean) * scale


# A graph reuses its buffers: one float32 copy of a whole set, not three.
_standardised_in_place = tf.function(
    _standardised, reduce_retracing=True, autograph=False
)


def _has_room(count: int) -> bool:
    """Whether `count` bytes may be held for standardised images."""
    return count <= _HELD_SHARE * memory.available_bytes()


def _running(batches: tf.data.Dataset, steps: int) -> tf.data.Dataset:
    """Returns the batches made ahead of their use, their number known."""
    options = tf.data.Options()
    # The rewriter would copy the images that the functions capture (a second
    # set in memory, a second or two), and has nothing to improve here.
    options.experimental_optimization.apply_default_optimizations = False
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return pipelines.untuned(
        batches.prefetch(pipelines.AHEAD).with_options(options)
    )
