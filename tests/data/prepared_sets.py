"""Small data sets that TFDS really prepares on disk, for the tests."""

import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

IMAGES, LABELS = "image", "label"


def examples(count, shape=(6, 5, 3), classes=3, seed=0):
    """Random images, sorted by class like many a set on disk."""
    rng = np.random.default_rng(seed)
    labels = np.sort(np.arange(count) % classes)
    pixels = rng.integers(0, 256, (count, *shape), "uint8")
    return pixels, labels


def prepare(
    data_dir,
    name="tiny_shapes",
    version="1.0.0",
    config=None,
    splits=None,
    features=None,
):
    """Prepares a set whose images keep their order and their pixels (PNG).

    Args:
        data_dir: Where to; the set lies in `name/[config/]version`.
        name: Name of the set.
        version: Its version.
        config: Its config, or None.
        splits: Split name -> (images, labels), or a dict of columns.
        features: Column name -> TFDS feature; an RGB image and a label of
            three classes if None.

    Returns:
        The folder in which `dataset_info.json` lies.
    """
    if splits is None:
        splits = {"train": examples(30), "test": examples(12, seed=1)}
    if features is None:
        shape = next(iter(splits.values()))[0].shape[1:]
        features = {
            IMAGES: tfds.features.Image(shape=shape),
            LABELS: tfds.features.ClassLabel(names=["ant", "bee", "cow"]),
        }
    datasets = {}
    for split, columns in splits.items():
        if isinstance(columns, tuple):
            columns = {IMAGES: columns[0], LABELS: columns[1]}
        datasets[split] = tf.data.Dataset.from_tensor_slices(columns)
    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        config=config,
        features=tfds.features.FeaturesDict(features),
        split_datasets=datasets,
        data_dir=data_dir,
        disable_shuffling=True,
    )
    folder = pathlib.Path(data_dir, name, *([config] if config else []))
    return folder / version
