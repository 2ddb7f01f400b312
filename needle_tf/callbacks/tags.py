"""Every TensorBoard tag, once, with its range and meaning.

The step on the axis is the number of training steps since the first network of
a run started; it goes on through the relaxation.
"""

TRAIN_LOSS = "loss/train"  # >= 0, mean over the epoch while training.
TEST_LOSS = "loss/test"  # >= 0, after the epoch.
TRAIN_ACCURACY = "accuracy/train"  # [0, 1], mean over the epoch.
TEST_ACCURACY = "accuracy/test"  # [0, 1], after the epoch.
VALIDATION_LOSS = "loss/validation"  # >= 0, after the epoch, held-out images.
VALIDATION_ACCURACY = "accuracy/validation"  # [0, 1], the same.
LEARNING_RATE = "learning_rate/last_step"  # > 0, of an epoch's last step.

SUBSPACE_DELTA = "subspace_distance/delta"  # [0, 1], off-local share.
SUBSPACE_DELTA_SHARE = "subspace_distance/delta_share"  # [0, 1], unshared.
SUBSPACE_DELTA_CNN = "subspace_distance/delta_cnn"  # [0, 1], both together.
SUBSPACE_BIAS_SHARE = "subspace_distance/bias_share"  # [0, 1], biases only.
SUBSPACE = (SUBSPACE_DELTA, SUBSPACE_DELTA_SHARE, SUBSPACE_DELTA_CNN)

GRADIENT_NORM = "gradient_norm/total"  # >= 0, of the loss on one batch.

LAYER_ROTATION = "layer_rotation/distance"  # [0, 2], of one kernel.
LAYER_ROTATION_MEAN = "layer_rotation/mean"  # [0, 2], over the kernels.
LAYER_ROTATION_MIN = "layer_rotation/min"  # [0, 2], the least turned kernel.

STEP_ANGLE_MEAN = "step_angle/mean"  # [0, pi] radians, over an epoch's steps.
STEP_ANGLE_MEDIAN = "step_angle/median"  # [0, pi] radians, the same.

SECOND_MOMENT_LOW = "second_moment/low"  # >= 0, 10th percentile of a kernel.
SECOND_MOMENT_MEDIAN = "second_moment/median"  # >= 0, 50th percentile.
SECOND_MOMENT_HIGH = "second_moment/high"  # >= 0, 90th percentile.
SECOND_MOMENTS = (SECOND_MOMENT_LOW, SECOND_MOMENT_MEDIAN, SECOND_MOMENT_HIGH)

CLIPPED_SHARE = "ec_opt/clipped_share"  # [0, 1], of ratios, over an epoch.
CONSERVATION_ERROR = "ec_opt/conservation_error"  # [0, 1], near 0 if exact.

STEP_LOSS = "step/loss"  # >= 0, mean over the epoch so far while training.
STEP_ACCURACY = "step/accuracy"  # [0, 1], mean over the epoch so far.

EPOCH_SECONDS = "speed/epoch_seconds"  # Training alone, without tests.
IMAGES_PER_SECOND = "speed/images_per_second"  # The same, per image.


def of_layer(tag: str, layer_name: str) -> str:
    """Returns the tag of one layer: `family_what/layer`.

    Layers of one measure share a group, so TensorBoard shows them together.
    """
    family, what = tag.split("/", maxsplit=1)
    return f"{family}_{what}/{layer_name}"
