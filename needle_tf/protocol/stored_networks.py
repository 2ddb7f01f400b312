"""Trained networks where runs keep them: found by stage and epoch, loaded.

    cnn               a stage that is finished, at its last epoch
    efcn_relax20@30   a stage at that epoch
    mine/net.keras    a file

Neither TensorFlow nor Keras is imported until a network is loaded, so that
what cannot be had is said at once.
"""

import dataclasses
import os
import pathlib
import re
from typing import TYPE_CHECKING

from needle_tf.data import images
from needle_tf.protocol import checkpoints
from needle_tf.protocol import config as config_lib
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import inputs
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_config
from needle_tf.protocol import run_folder
from needle_tf.protocol import training
from needle_tf.protocol import training_config

if TYPE_CHECKING:
    import keras

_CONFIG_FILE = "config.json"
_SUFFIX = ".keras"
_CONFIGS = {
    kind.KIND: kind
    for kind in (config_lib.ProtocolConfig, training_config.TrainingConfig)
}


class NotTrainedYetError(ValueError):
    """A run will have the network that is asked for, but has not yet."""


class NoSuchStageError(ValueError):
    """A run neither has the stage that is asked for nor will have it."""


@dataclasses.dataclass(frozen=True)
class StoredNetwork:
    """A network on the disk.

    Attributes:
        name: `stage@epoch`, or the path of a file as it was given.
        file: Where it lies.
        kind: Kind of its stage, as of `plan.StagePlan`; None for a file.
    """

    name: str
    file: pathlib.Path
    kind: str | None = None

    @property
    def short_name(self) -> str:
        """The name as a part of the name of a file."""
        name = self.file.stem if self.kind is None else self.name
        return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or "network"


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """The folder of a run with its configuration.

    Attributes:
        path: The folder.
        config: What is run there.
    """

    path: pathlib.Path
    config: run_config.RunConfig

    def plans(self) -> dict[str, plan_lib.StagePlan]:
        """Returns all stages of the run by name, trained or not."""
        if isinstance(self.config, training_config.TrainingConfig):
            found = [plan_lib.training(self.config)]
        else:
            found = plan_lib.stages(self.config)
        return {plan.name: plan for plan in found}

    def find(self, text: str) -> StoredNetwork:
        """Returns the network of a stage: `stage`, or `stage@epoch`.

        Raises:
            NotTrainedYetError: If the run has not come to it.
            NoSuchStageError: If the run has no such stage.
            ValueError: If it does not keep this network.
        """
        stage, at, epoch_text = text.partition("@")
        plan = self.plans().get(stage)
        if plan is None:
            raise NoSuchStageError(
                f"{self.path} has no stage {stage!r}. Its stages: "
                f"{'; '.join(map(self._described, self.plans()))}."
            )
        if at and not epoch_text.isdecimal():
            raise ValueError(
                f"A network of a run is called STAGE or STAGE@EPOCH, as "
                f"cnn@20. Received: {text!r}."
            )
        folder = self.path / stage
        history = history_lib.History.read(folder)
        epochs = checkpoints.epochs_in(folder)
        if not epochs:
            raise self._without_checkpoints(plan, history)
        epoch = int(epoch_text) if at else _last_epoch(self, plan, history)
        if epoch not in epochs:
            raise self._without_epoch(plan, history, epoch, epochs)
        file = checkpoints.file_of(folder, epoch)
        return StoredNetwork(f"{stage}@{epoch}", file, plan.kind)

    def load_data(
        self, data_dir: str | None = None, download: bool = False
    ) -> images.ImageData:
        """Returns the images of the run, to train and to test on.

        Args:
            data_dir: Where the data lie, for `data.loading`.
            download: Whether TFDS may download them.

        Raises:
            ValueError: If the set cannot be had, or is another one than that
                which the run was begun with.
        """
        if isinstance(self.config, training_config.TrainingConfig):
            loaded = training.load(self.config, data_dir, download)
            data, fingerprint = loaded.data, loaded.fingerprint
        else:
            data = inputs.load(self.config, data_dir, download)
            fingerprint = data.fingerprint()
        file = self.path / "inputs.json"
        if file.exists():
            before = run_folder.read_json(file).get("data", fingerprint)
            if before != fingerprint:
                raise ValueError(
                    f"The images of {self.config.dataset} are others than "
                    f"those that {self.path} was begun with. Give the former "
                    "as --data_dir."
                )
        return data

    def _described(self, stage):
        epochs = checkpoints.epochs_in(self.path / stage)
        if not epochs:
            return f"{stage} (no checkpoints)"
        return f"{stage} (epochs {_listed(epochs)})"

    def _without_checkpoints(self, plan, history):
        """The error for a stage that has none."""
        if history is None or not history.is_over:
            return NotTrainedYetError(
                f"{self.path} has not trained {plan.name} yet."
            )
        return ValueError(
            f"{self.path} keeps no checkpoint of {plan.name}: with "
            "--snapshots=none the relaxed nets and those from scratch leave "
            "none. Train it with --snapshots=last or --snapshots=all in "
            "another --run_dir."
        )

    def _without_epoch(self, plan, history, epoch, epochs):
        """The error for a stage that has other checkpoints."""
        is_over = history is not None and history.is_over
        if not is_over and max(epochs) < epoch <= plan.last_epoch:
            return NotTrainedYetError(
                f"{self.path} has not trained {plan.name} up to epoch {epoch} "
                f"yet. Its checkpoints: {_listed(epochs)}."
            )
        return ValueError(
            f"{self.path} keeps no checkpoint of {plan.name} at epoch {epoch}. "
            f"It keeps those of: {_listed(epochs)}. Name one of them, as "
            f"{plan.name}@{epochs[-1]}; --snapshots=all keeps more of them, "
            "and --log_checkpoints more of the CNN's."
        )


def read_run(path: str | os.PathLike) -> StoredRun:
    """Returns the run that lies in a folder.

    Raises:
        NotTrainedYetError: If the folder is not there.
        ValueError: If it is no folder of a run.
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise NotTrainedYetError(f"there is no folder {path} yet.")
    file = path / _CONFIG_FILE
    if not file.is_file():
        raise ValueError(
            f"{path} is no folder of a run or of a sweep: it has neither "
            f"{_CONFIG_FILE} nor sweep.json. Name another one."
        )
    content = run_folder.read_json(file)
    try:
        kind = content.get("kind", run_config.OLDEST_KIND)
        return StoredRun(path, _CONFIGS[kind].from_json(content))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{file} is no configuration of this version of needle_tf: {error}"
        ) from error


def is_file(text: str) -> bool:
    """Returns whether a network is given as a file rather than as a stage."""
    return text.endswith(_SUFFIX)


def find_file(text: str) -> StoredNetwork:
    """Returns the network in a file.

    Raises:
        ValueError: If there is no such file.
    """
    file = pathlib.Path(text).expanduser()
    if not file.is_file():
        raise ValueError(
            f"there is no file {file}. Expected a file that `model.save` wrote."
        )
    return StoredNetwork(text, file)


def load(network: StoredNetwork) -> "keras.Model":
    """Returns a network with its loss, and without what its optimizer keeps.

    Raises:
        ValueError: Naming the file, if it is damaged, or holds layers that
            neither Keras nor needle_tf knows.
    """
    try:
        model = checkpoints.load(network.file)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{network.file} cannot be loaded: {error} Expected a file that "
            "`model.save` wrote, of layers that Keras or needle_tf knows."
        ) from error
    if getattr(model, "loss", None) is not None:
        # Slots would be up to two copies of the weights more.
        model.compile(loss=model.loss)
    return model


def _last_epoch(run, plan, history):
    """The epoch of a finished stage; of others none is meant."""
    if history is not None and history.diverged is not None:
        epochs = checkpoints.epochs_in(run.path / plan.name)
        raise ValueError(
            f"{plan.name} of {run.path} diverged in epoch "
            f"{history.diverged['epoch']}. Name a checkpoint from before: "
            f"{plan.name}@EPOCH, with one of {_listed(epochs)}."
        )
    if history is None or not history.finished:
        reached = -1 if history is None else history.reached
        raise NotTrainedYetError(
            f"{run.path} still trains {plan.name} (epoch {max(reached, 0)} of "
            f"{plan.last_epoch}). Name a checkpoint to take that: "
            f"{plan.name}@EPOCH."
        )
    return history.reached


def _listed(epochs):
    return ", ".join(map(str, epochs))
