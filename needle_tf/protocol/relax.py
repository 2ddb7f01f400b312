"""The protocol: one CNN, the networks relaxed from it, the baselines.

    CNN 0 -> epochs;  for each relax epoch: embed, train on;  baselines

Stages that are finished are not run again, whichever process ran them.
"""

import dataclasses
import functools
import os
from collections.abc import Callable
from collections.abc import Mapping

from needle_tf.protocol import config as config_lib
from needle_tf.protocol import graph_memory
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import inputs as inputs_lib
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from needle_tf.protocol import start_up


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
    config: config_lib.ProtocolConfig,
    run_dir: str | os.PathLike,
    *,
    data_dir: str | None = None,
    download: bool = False,
    progress: str = "auto",
    library_logs: bool = False,
    notes: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
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
    data = inputs_lib.load(config, data_dir, download)
    inputs = inputs_lib.fingerprints(config, data.fingerprint())
    with start_up.quiet(not library_logs):
        from needle_tf.protocol import stage

    with inputs_lib.precision(config.precision):
        _check(config, data)
        with run_folder.opened(run_dir, config) as folder:
            folder.record("inputs", inputs)
            for name, text in (notes or {}).items():
                run_folder.write_text(folder.path / name, text)
            around = stage.Surroundings(
                config,
                data,
                folder,
                report or functools.partial(print, flush=True),
                progress,
            )
            return _run_stages(around)


def _check(config, data):
    """Refuses what does not fit together, before anything is trained.

    Raises ValueError if the CNN does not fit the data, cannot be embedded or
    compiled as asked for, or the batches cannot be made.
    """
    from needle_tf.protocol import networks
    from needle_tf.protocol import stage

    around = stage.Surroundings(config, data, folder=None, report=None)
    steps = stage.steps_per_execution(config, around.steps)
    stage.training_batches(around, 0, 1)
    cnn = networks.build_cnn(config, data)
    networks.compile_network(cnn, config.learning_rate, config, data, steps)


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
