"""Trials that differ in their seed only, taken together.

A mean is over the trials that came to their end. Those that diverged, failed
or still run are named beside it, never averaged with the others; where there
are no others, they stand alone.
"""

import collections
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_tf.reports import setting_text
from needle_tf.reports import trials as trials_lib

SEED = "seed"


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """The trials of one label.

    Attributes:
        label: Their label.
        text: The same, shorter: only what differs within the sweep.
        variant: As of each trial.
        settings: Likewise.
        trials: The trials, one per seed.
    """

    label: str
    text: str
    variant: str | None
    settings: Mapping[str, Any]
    trials: tuple[trials_lib.Trial, ...]

    @property
    def ended(self) -> list[trials_lib.Trial]:
        """The trials whose last figures are their result."""
        return [t for t in self.trials if t.status in trials_lib.WITH_RESULT]

    def results(self, name: str) -> list[float]:
        """Returns the result of each trial that came to its end."""
        values = [trial.result(name) for trial in self.ended]
        return [value for value in values if value is not None]

    def troubles(self) -> str:
        """Returns how many trials came to no result: `1 of 3 diverged`."""
        counts = collections.Counter(
            trial.status
            for trial in self.trials
            if trial.status not in trials_lib.WITH_RESULT
        )
        if len(self.trials) == 1:
            return "".join(counts)
        parts = [
            f"{count} of {len(self.trials)} {status}"
            if count < len(self.trials)
            else f"all {count} {status}"
            for status, count in counts.items()
        ]
        return ", ".join(parts)

    def outcome(self, gap: str = ", ") -> str:
        """Returns the test accuracy in percent, and what went wrong."""
        results = 100 * np.array(self.results("test_accuracy"))
        parts = []
        if results.size:
            parts.append(f"{results.mean():.1f}")
        if results.size > 1:
            parts[0] += f" \N{PLUS-MINUS SIGN} {results.std(ddof=1):.1f}"
        if results.size:
            parts[0] += " %"
        return gap.join([*parts, *filter(None, [self.troubles()])])

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns epochs and the mean of a figure over the drawn trials."""
        return mean_curve(
            [(*trial.curve(name), _is_over(trial)) for trial in self.drawn()]
        )

    def rotations(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns epochs, and per kernel its mean rotation at each of them."""
        drawn = [trial for trial in self.drawn() if trial.rotations()]
        layers, epochs = {}, np.empty(0)
        for name in drawn[0].rotations() if drawn else ():
            curves = [
                (
                    trial.history.column("epoch"),
                    trial.rotations()[name],
                    _is_over(trial),
                )
                for trial in drawn
                if name in trial.rotations()
            ]
            epochs, layers[name] = mean_curve(curves)
        return epochs, layers

    def drawn(self) -> list[trials_lib.Trial]:
        """The trials whose curves are shown.

        Those that came to their end; if there are none, those that run; if
        there are none either, all others that wrote something down.
        """
        running = [t for t in self.trials if t.status == "running"]
        others = [t for t in self.trials if t.history is not None]
        return self.ended or running or others


def group(sweep: trials_lib.Sweep) -> list[Group]:
    """Returns the groups of a sweep, in the order of their first trials."""
    members = collections.defaultdict(list)
    for trial in sweep.trials:
        members[trial.label].append(trial)
    texts = setting_text.texts(
        [
            setting_text.Identity(label, trials[0].variant, trials[0].settings)
            for label, trials in members.items()
        ]
    )
    return [
        Group(
            label=label,
            text=text or trials[0].name,
            variant=trials[0].variant,
            settings=trials[0].settings,
            trials=tuple(trials),
        )
        for text, (label, trials) in zip(texts, members.items(), strict=True)
    ]


def varied(sweep: trials_lib.Sweep) -> list[str]:
    """Returns the settings, but the seed, that have more than one value."""
    return [
        name
        for name, values in sweep.axes.items()
        if name != SEED and len(values) > 1
    ]


def mean_curve(
    curves: Sequence[tuple[np.ndarray, np.ndarray, bool]],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns epochs and the mean of curves of different lengths.

    Args:
        curves: As of `table_of`.
    """
    epochs, table = table_of(curves)
    counts = np.maximum((~np.isnan(table)).sum(axis=0), 1)
    means = np.nansum(table, axis=0) / counts
    means[np.isnan(table).all(axis=0)] = np.nan
    return epochs, means


def table_of(
    curves: Sequence[tuple[np.ndarray, np.ndarray, bool]],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the epochs of all curves, and one row of values per curve.

    NaN where a curve has no value.

    Args:
        curves: Epochs, values and whether the curve is over. One that ended
            early keeps its last value; the table ends with the shortest curve
            that is not over.
    """
    curves = [curve for curve in curves if curve[0].size]
    if not curves:
        return np.empty(0), np.empty((0, 0))
    epochs = np.unique(np.concatenate([curve[0] for curve in curves]))
    ends = [own[-1] for own, _, is_over in curves if not is_over]
    epochs = epochs[epochs <= min(ends, default=np.inf)]
    table = np.full((len(curves), len(epochs)), np.nan)
    for row, (own, values, _) in zip(table, curves, strict=True):
        known = np.isin(epochs, own)
        row[known] = values[np.isin(own, epochs)]
        row[epochs > own[-1]] = values[-1]
    return epochs, table


def _is_over(trial: trials_lib.Trial) -> bool:
    return trial.status in trials_lib.WITH_RESULT
