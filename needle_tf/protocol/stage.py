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
import tensorflow as tf

from needle_tf.callbacks import divergence
from needle_tf.callbacks import epoch_scalars
from needle_tf.callbacks import tags
from needle_tf.data import batches
from needle_tf.data import images
from needle_tf.protocol import checkpoints
from needle_tf.protocol import event_files
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import monitors as monitors_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import progress as progress_lib
from needle_tf.protocol import randomness
from needle_tf.protocol import recorder
from needle_tf.protocol import run_config
from needle_tf.protocol import run_folder

# More steps per call of the device save nothing that can be measured, and
# progress is seen and a NaN noticed only between calls.
_MOST_STEPS_PER_EXECUTION = 20
# Tests need no gradients, so larger batches fit and save calls.
_LEAST_TEST_BATCH = 500


class _KeptTags:
    """Tags of which event files keep the step where a stage goes on.

    All but the families that are measured again where training begins.
    """

    _MEASURED_AT_START = tuple(
        tag.partition("/")[0]
        for tag in (*tags.SUBSPACE, tags.GRADIENT_NORM, tags.LAYER_ROTATION)
    )

    def __contains__(self, tag: object) -> bool:
        return not str(tag).startswith(self._MEASURED_AT_START)


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

    config: run_config.RunConfig
    data: images.ImageData
    folder: run_folder.RunFolder | None
    report: Callable[[str], None] | None
    progress: str = "auto"

    @property
    def steps(self) -> int:
        """Training steps of an epoch."""
        return batches.steps_per_epoch(self.data, self.config.batch_size)


def steps_per_execution(config: run_config.RunConfig, steps: int) -> int:
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
        common = math.gcd(steps, config.every_steps or steps)
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


def run(
    plan: plan_lib.StagePlan,
    start: Callable[[], keras.Model],
    around: Surroundings,
    monitors: monitors_lib.Monitors,
    loaded: Callable[[keras.Model], None] = lambda network: None,
) -> history_lib.History:
    """Trains a network to the end of its stage, from wherever it got to.

    Args:
        plan: The stage.
        start: Returns the compiled network before the stage's first step;
            called with all random states set, and only if there is no
            checkpoint to go on from.
        around: What the stages share.
        monitors: What is measured besides loss and accuracy, for the part of
            the stage that is still to be trained.
        loaded: Called with a network from a checkpoint, to give back what a
            checkpoint does not hold.

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
    network, history, is_loaded = _state(plan, start, around, history)
    if is_loaded:
        loaded(network)
    if history.reached < plan.last_epoch and history.stopped is None:
        around.folder.note_versions()
        try:
            _fit(plan, network, history, around, monitors)
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
    if history.stopped is not None:
        around.report(f"{plan.name}: {history.stopped['reason']}")
    kept = {*plan.kept_epochs, history.reached} if plan.is_kept else ()
    checkpoints.prune(path, kept, resume_points=0)
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
        _KeptTags(),
    )
    going_on = "" if resumed is None else f", going on from epoch {resumed}"
    around.report(
        f"{plan.name}: {history.parameters:,} weights, epochs "
        f"{plan.first_epoch} to {plan.last_epoch}{going_on}"
    )
    return network, history, resumed is not None


def _fit(plan, network, history, around, make_monitors):
    """Trains and records from the history's last row to the stage's end."""
    first = max(history.reached, plan.first_epoch)
    sitting = monitors_lib.Sitting(
        network,
        around.folder.stage(plan.name),
        str(around.folder.tensorboard(plan.name)),
        history,
        begun_at=plan.first_epoch,
        first_epoch=first,
        first_step=first * around.steps,
    )
    monitors = make_monitors(sitting)
    begin = {"first_step": sitting.first_step}
    scalars = epoch_scalars.EpochScalars(
        sitting.log_dir,
        images_per_epoch=len(around.data.train_images),
        **begin,
    )
    start_logs = {}
    if not history.epochs:
        start_logs = _tested(network, plan.first_epoch, around)
    record = recorder.Recorder(
        plan,
        sitting.path,
        history,
        monitors,
        around.config.checkpoint_interval,
        start_logs,
        progress_lib.line_writer(
            plan.name, plan.last_epoch, around.progress, around.report
        ),
    )
    callbacks = [
        divergence.Divergence(**begin),
        randomness.EpochSeeds(plan.seed),
        *(callback for each in monitors for callback in each.figures),
        scalars,
        *(callback for each in monitors for callback in each.callbacks),
        record,
    ]
    _fit_epochs(network, first, plan.last_epoch, callbacks, around)


def _fit_epochs(network, first_epoch, last_epoch, callbacks, around):
    is_recorded = len(callbacks) > 1
    network.fit(
        training_batches(around, first_epoch, last_epoch),
        initial_epoch=first_epoch,
        epochs=last_epoch,
        steps_per_epoch=around.steps,
        validation_data=test_batches(around) if is_recorded else None,
        callbacks=callbacks,
        shuffle=False,  # Of Keras; the batches are shuffled already.
        verbose=int(progress_lib.is_bar(around.progress)),
    )


def _tested(network, epoch, around):
    """Returns the test figures under the names that `fit` gives them."""
    results = network.evaluate(
        test_batches(around), return_dict=True, verbose=0
    )
    if not math.isfinite(results["loss"]):
        raise divergence.DivergedError(epoch, epoch * around.steps)
    return {f"val_{name}": value for name, value in results.items()}


def training_batches(
    around: Surroundings, first_epoch: int, last_epoch: int
) -> tf.data.Dataset:
    """Returns the training batches of some epochs, as the config has them.

    Raises:
        ValueError: If the batches cannot be made.
    """
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
        crop_fill=config.crop_fill,
    )


def test_batches(
    around: Surroundings, data: images.ImageData | None = None
) -> tf.data.Dataset:
    """Returns the test batches of a set; that of the run if none is given."""
    size = max(around.config.batch_size, _LEAST_TEST_BATCH)
    return batches.test_batches(data or around.data, batch_size=size)


def _parameters(network):
    return sum(math.prod(v.shape) for v in network.trainable_variables)
