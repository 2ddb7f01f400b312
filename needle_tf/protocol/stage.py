"""Fits, checkpoints and resumes one network.

A stage is one `fit` from the newest good checkpoint, or from its start, to its
last epoch. Whatever happens in epoch e follows from the state before it and
from e alone, so an interrupted stage ends with the numbers of one that was
not.
"""

import dataclasses
import math
from collections.abc import Callable

import keras

from needle_tf.callbacks import divergence
from needle_tf.callbacks import epoch_scalars
from needle_tf.callbacks import gradient_norm
from needle_tf.callbacks import subspace_distance
from needle_tf.data import batches
from needle_tf.data import images
from needle_tf.protocol import checkpoints
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import event_files
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import networks
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import progress as progress_lib
from needle_tf.protocol import randomness
from needle_tf.protocol import recorder
from needle_tf.protocol import run_folder

# More steps per call of the device save nothing that can be measured, and
# progress is seen and a NaN noticed only between calls.
_MOST_STEPS_PER_EXECUTION = 20
# Tests need no gradients, so larger batches fit and save calls.
_LEAST_TEST_BATCH = 500


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What all stages of a run share.

    Attributes:
        config: The run's configuration.
        data: What is trained and tested on.
        folder: Where everything lies.
        report: Takes lines for the screen.
        progress: How epochs are shown, one of `progress.CHOICES`.
    """

    config: config_lib.ProtocolConfig
    data: images.ImageData
    folder: run_folder.RunFolder | None
    report: Callable[[str], None] | None
    progress: str = "auto"

    @property
    def steps(self) -> int:
        """Training steps of an epoch."""
        return batches.steps_per_epoch(self.data, self.config.batch_size)


def steps_per_execution(config: config_lib.ProtocolConfig, steps: int) -> int:
    """Returns the training steps per call of the device.

    Args:
        config: With `steps_per_execution`, or None for a choice.
        steps: Training steps of an epoch.

    Raises:
        ValueError: If the steps of an epoch are no multiple of it: Keras would
            run into the next epoch.
    """
    asked = config.steps_per_execution
    if asked is None:
        common = math.gcd(steps, config.distance_every_steps or steps)
        return max(
            d
            for d in range(1, _MOST_STEPS_PER_EXECUTION + 1)
            if common % d == 0
        )
    if steps % asked:
        raise ValueError(
            f"--steps_per_execution must divide the {steps} steps of an epoch. "
            f"Received: --steps_per_execution={asked}. Leave it away, or take "
            "a divisor."
        )
    return asked


def check(config: config_lib.ProtocolConfig, data: images.ImageData) -> None:
    """Refuses what does not fit together, before anything is trained.

    Raises:
        ValueError: If the CNN does not fit the data, cannot be embedded or
            compiled as asked for, or the batches cannot be made.
    """
    around = Surroundings(config, data, folder=None, report=None)
    steps = steps_per_execution(config, around.steps)
    _training_batches(around, 0, 1)
    cnn = networks.build_cnn(config, data)
    plan = plan_lib.stages(config)[0]
    networks.compile_network(cnn, plan, config, data, steps)


def run(
    plan: plan_lib.StagePlan,
    start: Callable[[], keras.Model],
    around: Surroundings,
) -> history_lib.History:
    """Trains a network to the end of its stage, from wherever it got to.

    Args:
        plan: The stage.
        start: Returns the compiled network before the stage's first step;
            called with all random states set, and only if there is no
            checkpoint to go on from.
        around: What the stages share.

    Returns:
        The history, finished or diverged; it lies in the stage's folder.

    Raises:
        ValueError: If checkpoints or history are damaged beyond going on.
        OSError: If the folder cannot be written to.
    """
    path = around.folder.stage(plan.name)
    history = history_lib.History.read(path)
    if history is not None and history.is_over:
        return history
    network, history = _state(plan, start, around, history)
    if history.reached < plan.last_epoch:
        try:
            _fit(plan, network, history, around)
        except divergence.DivergedError as error:
            history.diverged = {"epoch": error.epoch, "step": error.step}
            history.write(path)
            around.report(
                f"{plan.name}: stopped, the loss was no longer a finite number "
                f"in epoch {error.epoch} (step {error.step}). Rows and "
                "checkpoints before it are kept."
            )
            return history
    history.finished = True
    history.write(path)
    checkpoints.prune(path, plan.kept_epochs, resume_points=0)
    return history


def rebuild_checkpoint(
    plan: plan_lib.StagePlan,
    epoch: int,
    start: Callable[[], keras.Model],
    around: Surroundings,
) -> None:
    """Trains a stage's network once more up to a checkpoint that is lost.

    From the last good checkpoint before it, or from the start. Nothing but the
    checkpoint is written.
    """
    path = around.folder.stage(plan.name)
    randomness.begin_stage(plan.seed, around.config.deterministic)
    good = [
        e
        for e in checkpoints.epochs_in(path)
        if e <= epoch and not checkpoints.damage(checkpoints.file_of(path, e))
    ]
    first = plan.first_epoch
    network = None
    if good:
        first = good[-1]
        network = checkpoints.load(checkpoints.file_of(path, first))
    around.report(
        f"{checkpoints.file_of(path, epoch)} is missing or corrupt: training "
        f"{plan.name} again from epoch {first} to {epoch}."
    )
    network = network or start()
    seeds = randomness.EpochSeeds(plan.seed)
    _fit_epochs(network, first, epoch, [seeds], around)
    checkpoints.save(network, path, epoch)


def _state(plan, start, around, history):
    """Returns the network and the history to go on from, and says which."""
    path = around.folder.stage(plan.name)
    randomness.begin_stage(plan.seed, around.config.deterministic)
    resumed = None
    if history is not None:
        resumed = checkpoints.newest_good(path, history.reached, around.report)
    if resumed is None:
        network = start()
        history = history_lib.History.begun(plan, _parameters(network))
    else:
        network = checkpoints.load(checkpoints.file_of(path, resumed))
        history.cut_after(resumed)
    # What begins anew leaves nothing; else what a start does not write stays.
    event_files.cut_after(
        around.folder.tensorboard(plan.name),
        -1 if resumed is None else resumed * around.steps,
        epoch_scalars.TAGS.values(),
    )
    going_on = "" if resumed is None else f", going on from epoch {resumed}"
    around.report(
        f"{plan.name}: {history.parameters:,} weights, epochs "
        f"{plan.first_epoch} to {plan.last_epoch}{going_on}"
    )
    return network, history


def _fit(plan, network, history, around):
    """Trains and records from the history's last row to the stage's end."""
    config = around.config
    first = max(history.reached, plan.first_epoch)
    begin = {"first_step": first * around.steps}
    log_dir = str(around.folder.tensorboard(plan.name))
    distance = subspace_distance.SubspaceDistance(
        log_dir, every_steps=config.distance_every_steps, **begin
    )
    # One fixed batch for all epochs and stages: the first one of epoch 0.
    images, labels = next(iter(_training_batches(around, 0, 1)))
    gradient = gradient_norm.GradientNorm(log_dir, images, labels, **begin)
    scalars = epoch_scalars.EpochScalars(
        log_dir, images_per_epoch=len(around.data.train_images), **begin
    )
    start_logs = {}
    if not history.epochs:
        start_logs = _tested(network, plan.first_epoch, around)
    record = recorder.Recorder(
        plan,
        around.folder.stage(plan.name),
        history,
        distance,
        gradient,
        config.checkpoint_interval,
        start_logs,
        progress_lib.line_writer(
            plan.name, plan.last_epoch, around.progress, around.report
        ),
    )
    callbacks = [
        divergence.Divergence(**begin),
        randomness.EpochSeeds(plan.seed),
        scalars,
        distance,
        gradient,
        record,
    ]
    _fit_epochs(network, first, plan.last_epoch, callbacks, around)


def _fit_epochs(network, first_epoch, last_epoch, callbacks, around):
    is_recorded = len(callbacks) > 1
    network.fit(
        _training_batches(around, first_epoch, last_epoch),
        initial_epoch=first_epoch,
        epochs=last_epoch,
        steps_per_epoch=around.steps,
        validation_data=_test_batches(around) if is_recorded else None,
        callbacks=callbacks,
        shuffle=False,  # Of Keras; the batches are shuffled already.
        verbose=int(progress_lib.is_bar(around.progress)),
    )


def _tested(network, epoch, around):
    """Returns the test figures under the names that `fit` gives them."""
    results = network.evaluate(
        _test_batches(around), return_dict=True, verbose=0
    )
    if not math.isfinite(results["loss"]):
        raise divergence.DivergedError(epoch, epoch * around.steps)
    return {f"val_{name}": value for name, value in results.items()}


def _training_batches(around, first_epoch, last_epoch):
    config = around.config
    return batches.training_batches(
        around.data,
        batch_size=config.batch_size,
        # The same for every stage: networks are compared on equal batches.
        seed=config.seed,
        first_epoch=first_epoch,
        last_epoch=last_epoch,
        flip=config.flip,
        crop_padding=config.crop_padding,
    )


def _test_batches(around):
    size = max(around.config.batch_size, _LEAST_TEST_BATCH)
    return batches.test_batches(around.data, batch_size=size)


def _parameters(network):
    return sum(math.prod(v.shape) for v in network.trainable_variables)
