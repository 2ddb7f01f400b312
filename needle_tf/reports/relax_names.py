"""What labels of relax runs are called: only what differs among them.

optimizer=sgd, rate=0.1   ->   rate=0.1
"""

from collections.abc import Sequence
from typing import Any

from needle_tf.reports import relax_trials
from needle_tf.reports import setting_text


class Names:
    """Short texts for labels, and for what several labels have in common."""

    def __init__(self, sweep: relax_trials.RelaxSweep):
        self._trials = {}
        for trial in sweep.trials:
            self._trials.setdefault(trial.label, []).append(trial)
        identities = [
            setting_text.Identity(label, own[0].variant, own[0].settings)
            for label, own in self._trials.items()
        ]
        columns = setting_text.columns(identities)
        self._cells = {
            label: {name: cells[k] for name, cells in columns.items()}
            for k, label in enumerate(self._trials)
        }
        texts = setting_text.texts(identities)
        self._texts = dict(zip(self._trials, texts, strict=True))

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of the sweep."""
        return tuple(self._trials)

    @property
    def have_begun(self) -> set[str]:
        """The labels of which any trial wrote something down."""
        return {
            label
            for label, own in self._trials.items()
            if any(trial.stages for trial in own)
        }

    @property
    def are_ordered(self) -> bool:
        """Whether labels are steps of one number."""
        columns = {name for own in self._cells.values() for name in own}
        return len(columns) == 1 and all(
            setting_text.is_number(own[0].settings.get(name))
            for own in self._trials.values()
            for name in columns
        )

    def trials_of(self, labels: Sequence[str]) -> list[relax_trials.RelaxTrial]:
        """Returns the trials of these labels, label by label."""
        return [trial for label in labels for trial in self._trials[label]]

    def text_of(self, labels: Sequence[str], beside: Sequence[str] = ()) -> str:
        """Returns what these labels have in common, in words.

        Args:
            labels: The labels.
            beside: Others that are known to be meant, so that what all of
                them have in common need not be said.
        """
        known = self._common(beside)
        if len(labels) == 1:
            own = self._cells[labels[0]]
            shorter = {n: c for n, c in own.items() if n not in known}
            return setting_text.line_of(shorter) or self._texts[labels[0]]
        common = self._common(labels)
        fitting = [
            label
            for label, cells in self._cells.items()
            if all(cells[name] == cell for name, cell in common.items())
        ]
        # The settings in common may be those of other labels, too.
        if common and fitting == list(labels):
            return setting_text.line_of(common)
        return " / ".join(self._texts[label] for label in labels)

    def _common(self, labels: Sequence[str]) -> dict[str, str]:
        """Returns the cells that all these labels have in common."""
        if not labels:
            return {}
        return {
            name: cell
            for name, cell in self._cells[labels[0]].items()
            if all(self._cells[label][name] == cell for label in labels)
        }

    def settings_of(self, labels: Sequence[str]) -> dict[str, Any]:
        """Returns the settings that all these labels have in common."""
        first, *others = (self._trials[label][0].settings for label in labels)
        return {
            name: value
            for name, value in first.items()
            if all(n.get(name, _Missing) == value for n in others)
        }


class _Missing:
    """Equal to no value of a setting."""
