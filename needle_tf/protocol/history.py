"""What was measured of one stage, epoch by epoch, as it lies in its folder.

The row with `epoch` e describes the network after e epochs of training in
total; the first one, where the stage begins, has no training figures. A figure
that is not finite or was not measured is None.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder

FILE = "history.json"


@dataclasses.dataclass
class History:
    """The record of one stage; its fields are those of `history.json`.

    Attributes:
        stage: Name of the stage.
        kind: Kind of network, see `plan.StagePlan`.
        relax_epoch: Where it was relaxed, or None.
        first_epoch: Epochs of training behind it when the stage began.
        last_epoch: Epochs of training behind it when the stage will end.
        parameters: Number of trainable weights.
        finished: Whether all epochs are done and the last checkpoint lies.
        diverged: None, or the `epoch` and `step` at which the loss was no
            longer a number; the stage ended there.
        epochs: The rows, ascending.
        layers: Per layer and measure, one number per row.
        stopped: None, or the `epoch` at which a criterion ended the stage
            before its last one, and the `reason`.
    """

    stage: str
    kind: str
    relax_epoch: int | None
    first_epoch: int
    last_epoch: int
    parameters: int = 0
    finished: bool = False
    diverged: dict[str, int] | None = None
    epochs: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    layers: dict[str, dict[str, list]] = dataclasses.field(default_factory=dict)
    stopped: dict[str, Any] | None = None

    @classmethod
    def begun(cls, plan: plan_lib.StagePlan, parameters: int) -> "History":
        """Returns the empty history of a stage that begins."""
        return cls(
            stage=plan.name,
            kind=plan.kind,
            relax_epoch=plan.relax_epoch,
            first_epoch=plan.first_epoch,
            last_epoch=plan.last_epoch,
            parameters=parameters,
        )

    @classmethod
    def read(cls, stage_path: pathlib.Path) -> "History | None":
        """Returns the history in a stage's folder; None if there is none.

        Raises:
            ValueError: Naming the file, if it is damaged.
        """
        file = stage_path / FILE
        if not file.exists():
            return None
        content = run_folder.read_json(file)
        try:
            return cls(**content)
        except TypeError as error:
            raise ValueError(
                f"{file} is no history of a stage ({error}). Remove the folder "
                f"{stage_path} to train this stage anew."
            ) from error

    def write(self, stage_path: pathlib.Path) -> None:
        """Writes `history.json` into a stage's folder, whole or not at all."""
        run_folder.write_json(stage_path / FILE, dataclasses.asdict(self))

    @property
    def is_over(self) -> bool:
        """Whether nothing of the stage is left to be done."""
        return self.finished or self.diverged is not None

    @property
    def reached(self) -> int:
        """Epochs of training behind the network at the last row; -1: none."""
        return self.epochs[-1]["epoch"] if self.epochs else -1

    def add(
        self,
        row: Mapping[str, Any],
        layers: Mapping[str, Mapping[str, float]],
    ) -> None:
        """Appends a row and what was measured of each layer at it.

        Args:
            row: Figures by name, `epoch` among them.
            layers: Per layer name its figures by measure, the same layers and
                measures for each row.
        """
        self.epochs.append({k: _finite(value) for k, value in row.items()})
        for name, measures in layers.items():
            columns = self.layers.setdefault(name, {})
            for measure, value in measures.items():
                columns.setdefault(measure, []).append(_finite(value))

    def cut_after(self, epoch: int) -> None:
        """Drops the rows after `epoch`: they will be measured again."""
        count = sum(row["epoch"] <= epoch for row in self.epochs)
        del self.epochs[count:]
        for columns in self.layers.values():
            for values in columns.values():
                del values[count:]
        if self.stopped is not None and self.stopped["epoch"] > epoch:
            self.stopped = None


def _finite(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
