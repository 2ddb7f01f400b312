"""One training run: a network under a chosen optimizer, watched to the end.

    run_dir/train/      history.json, checkpoints, angles.npz, features.npz

The run is one stage, `train`; one that is finished is not run again.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING

from needle_tf.data import images
from needle_tf.data import validation as validation_lib
from needle_tf.protocol import graph_memory
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import inputs as inputs_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import start_up
from needle_tf.protocol import training_config

if TYPE_CHECKING:
    from needle_tf.protocol import stage

Config = training_config.TrainingConfig


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a training run.

    Attributes:
        history: Its history.
        problems: In words, what went wrong without ending the process: that
            training diverged.
    """

    history: history_lib.History
    problems: list[str]


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """The images of a run.

    Attributes:
        data: What is trained and tested on.
        validation: A set whose test images are those held out; None without.
        fingerprint: Changes if the images do, whatever is held out.
    """

    data: images.ImageData
    validation: images.ImageData | None
    fingerprint: str


def run(
    config: Config,
    run_dir: str | os.PathLike,
    *,
    data_dir: str | None = None,
    download: bool = False,
    progress: str = "auto",
    library_logs: bool = False,
    notes: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
    event_dir: pathlib.Path | None = None,
    data: Data | None = None,
) -> Outcome:
    """Trains a network, or what is left of it, in a run folder.

    Args:
        config: What is run.
        run_dir: Where everything of the run lies; see `run_folder`. A folder
            of the same configuration is gone on with.
        data_dir: Where the data lie, for `data.loading`.
        download: Whether TFDS may download them.
        progress: How epochs are shown, one of `progress.CHOICES`.
        library_logs: Whether libraries may print what they do as they start.
        notes: Text files to put into the folder, by name.
        report: Takes lines for the screen; None prints them.
        event_dir: Where its event files go instead of below the folder.
        data: Its images, if they are in memory already.

    Returns:
        The history and what went wrong.

    Raises:
        ValueError: If the folder is another's, or data, model, checkpoints or
            angles to replay are not usable.
        OSError: If the folder cannot be written to.
    """
    # What can be seen to be wrong is, before anything is written; most of it
    # before Keras and TensorFlow are imported.
    run_folder.check(run_dir, config)
    data = data or load(config, data_dir, download, library_logs)
    inputs = _fingerprints(config, data)
    with start_up.quiet(not library_logs, with_keras=True):
        from needle_tf.protocol import event_layout
        from needle_tf.protocol import stage

    with inputs_lib.precision(config.precision), graph_memory.released():
        check(config, data)
        events = None if event_dir is None else lambda stage: event_dir
        with run_folder.opened(run_dir, config, events, notes) as folder:
            folder.record("inputs", inputs)
            if event_dir is None:
                event_layout.write(folder.path / "tensorboard")
            around = stage.Surroundings(
                config,
                data.data,
                folder,
                report or functools.partial(print, flush=True),
                progress,
            )
            return _trained(around, data)


def load(
    config: Config,
    data_dir: str | None,
    download: bool,
    library_logs: bool = False,
) -> Data:
    """Returns the images of a run, those for validation held out.

    Statistics are those of all training images, as published.

    Raises:
        ValueError: If the set cannot be had.
    """
    data = inputs_lib.load(config, data_dir, download, library_logs)
    fingerprint, validation = data.fingerprint(), None
    if config.validation_fraction:
        data, validation = validation_lib.hold_out(
            data, config.validation_fraction, config.seed
        )
    return Data(data, validation, fingerprint)


def check(config: Config, data: Data) -> None:
    """Refuses what does not fit together, before anything is trained.

    Raises:
        ValueError: If the network does not fit the data or cannot be compiled
            as asked for, the batches cannot be made, the optimizer keeps no
            second moments to watch, or the angles to replay are others'.
    """
    from needle_tf.callbacks import second_moments
    from needle_tf.protocol import stage

    around = stage.Surroundings(config, data.data, folder=None, report=None)
    stage.training_batches(around, 0, 1)
    network = _start(around)
    if config.second_moments:
        second_moments.second_moments(network, None)


def angles_file(replay: str) -> pathlib.Path:
    """Returns the file of the angles that `--replay` names."""
    path = pathlib.Path(replay).expanduser()
    if path.suffix == ".npz":
        return path
    return path / plan_lib.TRAINING / "angles.npz"


def _fingerprints(config: Config, data: Data) -> dict[str, str]:
    found = inputs_lib.fingerprints(config, data.fingerprint)
    if config.replay is not None:
        found["replay"] = inputs_lib.of_file(
            angles_file(config.replay),
            "Name a training run as --replay that was begun with "
            "--record_angles, or its angles.npz.",
        )
    return found


def _trained(around: "stage.Surroundings", data: Data) -> Outcome:
    from needle_tf.protocol import features
    from needle_tf.protocol import stage

    plan = plan_lib.training(around.config)
    path = around.folder.stage(plan.name)
    before = history_lib.History.read(path)
    if before is not None and before.is_over:
        around.report(f"{plan.name}: done before")
    history = stage.run(
        plan,
        lambda: _start(around),
        around,
        _monitors(around, data.validation),
        loaded=lambda network: _restore(network, around),
    )
    problems = []
    if history.diverged is not None:
        problems.append(
            f"{plan.name} diverged in epoch {history.diverged['epoch']} (step "
            f"{history.diverged['step']})."
        )
    else:
        features.write(path, history.reached, around.data.input_shape)
    return Outcome(history, problems)


def _start(around):
    """Returns the compiled network before its first step."""
    from needle_tf.protocol import initial_weights
    from needle_tf.protocol import networks
    from needle_tf.protocol import randomness
    from needle_tf.protocol import rates
    from needle_tf.protocol import stage

    config, plan = around.config, plan_lib.training(around.config)
    init_seed = plan_lib.seed_of(config.init_seed, "initial weights")
    randomness.begin_stage(init_seed, config.deterministic)
    network = networks.build(config, around.data)
    initial_weights.settle(network, config)
    randomness.begin_stage(plan.seed, config.deterministic)
    networks.compile_network(
        network,
        rates.schedule(config, around.steps),
        config,
        around.data,
        stage.steps_per_execution(config, around.steps),
        angles=_replayed(network, around),
    )
    networks.regularise(network, config.l2, config.l2_skips)
    return network


def _restore(network, around):
    """Gives a network from a checkpoint what no checkpoint holds."""
    from needle_tf.protocol import networks

    config = around.config
    networks.regularise(network, config.l2, config.l2_skips)


def _replayed(network, around):
    """Returns the angles to turn by; None if the rate says how far."""
    from needle_tf.protocol import replay

    if around.config.replay is None:
        return None
    return replay.angles(
        angles_file(around.config.replay),
        network,
        steps=around.steps * around.config.epochs,
    )


def _monitors(around, validation):
    """Returns what makes the monitors of the stage."""
    from needle_tf.protocol import epoch_figures
    from needle_tf.protocol import monitors
    from needle_tf.protocol import rates
    from needle_tf.protocol import stage

    config = around.config

    def evaluate(network):
        held_out = stage.test_batches(around, validation)
        return network.evaluate(held_out, return_dict=True, verbose=0)

    def make(sitting):
        found = [epoch_figures.Rate(rates.schedule(config, around.steps))]
        if validation is not None:
            found.insert(0, epoch_figures.Validation(evaluate))
        found.append(monitors.Rotation(sitting, config.rotation_every_steps))
        if config.steps_paths():
            found.append(monitors.PathRatios(sitting))
        if config.rotation_every_steps:
            found.append(
                monitors.StepScalars(sitting, config.rotation_every_steps)
            )
        if config.record_angles:
            found.append(monitors.Angles(sitting))
        if config.second_moments:
            found.append(monitors.SecondMoments(sitting))
        found.append(monitors.Stops(*_stops(config, sitting.history)))
        return found

    return make


def _stops(config, history):
    """Returns the criteria that may end training early."""
    from needle_tf.callbacks import stops

    found = []
    if config.stop_accuracy:
        found.append(
            stops.StopIfNotLearning(
                config.stop_accuracy, config.stop_accuracy_epoch
            )
        )
    if config.stop_loss:
        found.append(stops.StopAtLoss(config.stop_loss))
    if config.stop_unchanged_epochs:
        losses = [row["loss"] for row in history.epochs[1:]]
        found.append(
            stops.StopIfUnchanged(config.stop_unchanged_epochs, earlier=losses)
        )
    return found
