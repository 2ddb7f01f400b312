"""Every TensorBoard tag, once, with its range and meaning.

The step on the axis is the number of training steps since the first network of
a run started; it goes on through the relaxation.
"""

TRAIN_LOSS = "loss/train"  # >= 0, mean over the epoch while training.
TEST_LOSS = "loss/test"  # >= 0, after the epoch.
TRAIN_ACCURACY = "accuracy/train"  # [0, 1], mean over the epoch.
TEST_ACCURACY = "accuracy/test"  # [0, 1], after the epoch.

SUBSPACE_DELTA = "subspace_distance/delta"  # [0, 1], off-local share.
SUBSPACE_DELTA_SHARE = "subspace_distance/delta_share"  # [0, 1], unshared.
SUBSPACE_DELTA_CNN = "subspace_distance/delta_cnn"  # [0, 1], both together.
SUBSPACE_BIAS_SHARE = "subspace_distance/bias_share"  # [0, 1], biases only.
SUBSPACE = (SUBSPACE_DELTA, SUBSPACE_DELTA_SHARE, SUBSPACE_DELTA_CNN)

GRADIENT_NORM = "gradient_norm/total"  # >= 0, of the loss on one batch.

EPOCH_SECONDS = "speed/epoch_seconds"  # Training alone, without tests.
IMAGES_PER_SECOND = "speed/images_per_second"  # The same, per image.


def of_layer(tag: str, layer_name: str) -> str:
    """Returns the tag of one layer: `family_what/layer`.

    Layers of one measure share a group, so TensorBoard shows them together.
    """
    family, what = tag.split("/", maxsplit=1)
    return f"{family}_{what}/{layer_name}"
