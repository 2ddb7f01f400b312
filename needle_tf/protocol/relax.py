"""The protocol: one CNN, the networks relaxed from it, the baselines.

    CNN 0 -> epochs;  for each relax epoch: embed, train on;  baselines

Stages that are finished are not run again, whichever process ran them.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import TYPE_CHECKING

from needle_tf.data import images
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import graph_memory
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import inputs as inputs_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import shared_stages
from needle_tf.protocol import start_up

if TYPE_CHECKING:
    import keras

Config = config_lib.ProtocolConfig


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        histories: One per stage that was run, in their order.
        problems: In words, what went wrong without ending the run: stages
            that diverged, or could not be started because the CNN did.
    """

    histories: list[history_lib.History]
    problems: list[str]


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
    data: images.ImageData | None = None,
    others: Iterable[pathlib.Path] = (),
) -> Outcome:
    """Runs the protocol, or what is left of it, in a run folder.

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
        event_dir: Where its event files go, a folder for each stage, instead
            of below the folder.
        data: Its images, if they are in memory already.
        others: Folders of runs whose stages are taken over where they are
            the same; see `shared_stages`.

    Returns:
        The histories and what went wrong.

    Raises:
        ValueError: If the folder is another's, or data, model or checkpoints
            are not usable.
        OSError: If the folder cannot be written to.
    """
    # What can be seen to be wrong is, before anything is written; most of it
    # before Keras and TensorFlow are imported.
    run_folder.check(run_dir, config)
    data = data or load(config, data_dir, download, library_logs)
    inputs = inputs_lib.fingerprints(config, data.fingerprint())
    report = report or functools.partial(print, flush=True)
    with start_up.quiet(not library_logs, with_keras=True):
        from needle_tf.protocol import stage

    events = None if event_dir is None else lambda name: event_dir / name
    with inputs_lib.precision(config.precision):
        cnn = check(config, data)
        with run_folder.opened(run_dir, config, events, notes) as folder:
            folder.record("inputs", inputs)
            plans = plan_lib.stages(config)
            shared_stages.take_over(plans, config, folder, others, report)
            _prepare(config, cnn, folder, report, has_layout=event_dir is None)
            del cnn
            around = stage.Surroundings(config, data, folder, report, progress)
            return _run_stages(around)


def load(
    config: Config,
    data_dir: str | None,
    download: bool,
    library_logs: bool = False,
) -> images.ImageData:
    """Returns the images of a run; see `inputs.load`.

    Raises:
        ValueError: If the set cannot be had.
    """
    return inputs_lib.load(config, data_dir, download, library_logs)


def check(config: Config, data: images.ImageData) -> "keras.Model":
    """Refuses what does not fit together, before anything is trained.

    Returns:
        The compiled CNN before its first step.

    Raises:
        ValueError: If the CNN does not fit the data, cannot be embedded or
            compiled as asked for, or the batches cannot be made.
    """
    from needle_tf.protocol import networks
    from needle_tf.protocol import stage

    around = stage.Surroundings(config, data, folder=None, report=None)
    steps = stage.steps_per_execution(config, around.steps)
    stage.training_batches(around, 0, 1)
    cnn = networks.build_cnn(config, data)
    networks.compile_network(cnn, config.learning_rate, config, data, steps)
    return cnn


def _prepare(config, cnn, folder, report, has_layout):
    """Says how much goes to the disk; refuses what it has no room for."""
    from needle_tf.protocol import event_layout
    from needle_tf.protocol import snapshots

    if has_layout:
        event_layout.write(folder.path / "tensorboard")

    size = snapshots.of_run(config, cnn, folder)
    if size.of_kinds:
        report(snapshots.require_room(size, config, folder))


def _run_stages(around) -> Outcome:
    from needle_tf.protocol import stage

    plans = plan_lib.stages(around.config)
    histories, problems = [], []
    for number, plan in enumerate(plans, start=1):
        numbered = dataclasses.replace(
            around,
            report=lambda line, n=number: around.report(
                f"[{n}/{len(plans)}] {line}"
            ),
        )
        cnn = histories[0] if histories else None
        if plan.is_relaxed and cnn.reached < plan.relax_epoch:
            problems.append(
                f"{plan.name} could not start: the CNN diverged in epoch "
                f"{cnn.diverged['epoch']}."
            )
            continue
        before = history_lib.History.read(around.folder.stage(plan.name))
        if before is not None and before.is_over:
            numbered.report(f"{plan.name}: done before")
        start = _starter(plan, plans[0], numbered)
        with graph_memory.released():
            history = stage.run(plan, start, numbered, _monitors(numbered))
        histories.append(history)
        if history.diverged is not None:
            problems.append(
                f"{plan.name} diverged in epoch {history.diverged['epoch']} "
                f"(step {history.diverged['step']})."
            )
    return Outcome(histories, problems)


def _starter(plan, cnn_plan, around):
    """Returns what builds the compiled network of a stage."""
    from needle_tf.protocol import checkpoints
    from needle_tf.protocol import networks
    from needle_tf.protocol import randomness
    from needle_tf.protocol import stage

    config, data = around.config, around.data
    steps = stage.steps_per_execution(config, around.steps)

    def from_scratch(plan):
        network = networks.build_from_scratch(plan, config, data)
        networks.compile_network(
            network, plan.learning_rate, config, data, steps
        )
        return network

    def relaxed():
        path = around.folder.stage(cnn_plan.name)
        file = checkpoints.file_of(path, plan.relax_epoch)
        if not file.exists() or checkpoints.damage(file):
            stage.rebuild_checkpoint(
                cnn_plan,
                plan.relax_epoch,
                functools.partial(from_scratch, cnn_plan),
                around,
            )
            randomness.begin_stage(plan.seed, config.deterministic)
        cnn = checkpoints.load(file)
        return networks.relax(cnn, plan, config, data, steps)

    return relaxed if plan.is_relaxed else lambda: from_scratch(plan)


def _monitors(around):
    """Returns what makes the monitors of each stage."""
    from needle_tf.protocol import monitors
    from needle_tf.protocol import stage

    def make(sitting):
        config = around.config
        # One fixed batch for all epochs and stages: the first one of epoch 0.
        batch = next(iter(stage.training_batches(around, 0, 1)))
        found = [
            monitors.Distance(sitting, config.distance_every_steps),
            monitors.Gradient(sitting, *batch),
        ]
        if config.steps_paths():
            found.append(monitors.PathRatios(sitting))
        if config.layer_rotation:
            found.append(monitors.Rotation(sitting))
        return found

    return make
