"""Networks of relax runs that differ in their seed only, taken together.

A mean is over the seeds whose network came to its end. Those that diverged,
failed or still run are named beside it, never averaged with the others.

    difference of a seed = its relaxed net - the CNN of the same seed

so that what makes one seed better than another is in neither mean nor spread
of the differences. A network that several labels share, as the CNN where only
the relaxed nets' step size is swept, is one group of its own.
"""

import collections
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from needle_tf.reports import groups as groups_lib
from needle_tf.reports import histories
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials

# The text of networks that all labels share.
ALL = "all"
ACCURACY = "test_accuracy"
# What a network of a seed has come to, the furthest first.
STATUSES = ("finished", "diverged", "running", "failed", "waiting")


@dataclasses.dataclass(frozen=True)
class Spread:
    """Numbers of several seeds.

    Attributes:
        values: One per seed.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """Their mean; None if there are none."""
        return float(np.mean(self.values)) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Their sample standard deviation; None of fewer than two."""
        if len(self.values) < 2:
            return None
        return float(np.std(self.values, ddof=1))

    @property
    def has_one_sign(self) -> bool:
        """Whether at least two seeds agree in the sign, and none is 0."""
        signs = {np.sign(value) for value in self.values}
        return len(self.values) > 1 and len(signs) == 1 and 0 not in signs


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A network of one seed.

    Attributes:
        trial: The run it belongs to.
        history: What it wrote down, or None.
        status: What became of it, one of `STATUSES`.
    """

    trial: relax_trials.RelaxTrial
    history: histories.History | None
    status: str

    def final(self, name: str) -> float | None:
        """Returns a figure after the last epoch of a finished network."""
        if self.status != "finished" or not self.history.epochs:
            return None
        return self.history.epochs[-1].get(name)

    def best(self) -> float | None:
        """Returns the highest test accuracy of a finished network."""
        if self.status != "finished":
            return None
        values = self.history.column(ACCURACY)
        known = values[~np.isnan(values)]
        return float(known.max()) if known.size else None

    def difference(self) -> float | None:
        """Returns by how much it ends above the CNN of the same seed."""
        cnn = self.trial.cnn
        if cnn is None or cnn is self.history:
            return None
        status = self.trial.status_of(cnn.stage)
        theirs = Member(self.trial, cnn, status).final(ACCURACY)
        own = self.final(ACCURACY)
        return None if own is None or theirs is None else own - theirs


@dataclasses.dataclass(frozen=True, eq=False)
class StageGroup:
    """One network under one setting: the same stage of several seeds.

    Attributes:
        stage: Name of the stage, as `efcn_relax20`.
        kind: Kind of the network.
        relax_epoch: As of each history.
        labels: Labels of the trials that it belongs to.
        text: The same, shorter: only what differs within the sweep; `all` if
            all labels share it.
        settings: The settings that all these labels have in common.
        members: The network of each seed.
    """

    stage: str
    kind: str
    relax_epoch: int | None
    labels: tuple[str, ...]
    text: str
    settings: Mapping[str, Any]
    members: tuple[Member, ...]

    @property
    def is_relaxed(self) -> bool:
        """Whether the network goes on from a CNN."""
        return self.kind in histories.RELAXED_KINDS

    def finals(self, name: str) -> Spread:
        """Returns a figure after the last epoch, of each finished seed."""
        return _spread(member.final(name) for member in self.members)

    def bests(self) -> Spread:
        """Returns the highest test accuracy of each finished seed."""
        return _spread(member.best() for member in self.members)

    def differences(self) -> Spread:
        """Returns how far each finished seed ends above its own CNN."""
        return _spread(member.difference() for member in self.members)

    def counts(self) -> dict[str, int]:
        """Returns how many seeds have come to what, without the zeros."""
        found = collections.Counter(member.status for member in self.members)
        return {name: found[name] for name in STATUSES if found[name]}

    def drawn(self) -> list[Member]:
        """The seeds whose curves are shown.

        Those that came to their end; if there are none, those that run; if
        there are none either, all others that wrote something down.
        """
        begun = [m for m in self.members if m.history and m.history.epochs]
        by_status = {
            status: [m for m in begun if m.status == status]
            for status in ("finished", "running")
        }
        return by_status["finished"] or by_status["running"] or begun

    def curves(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns epochs, and a row of values per seed that is shown.

        NaN where a seed has none; epochs without any value are left out.
        """
        drawn = []
        for member in self.drawn():
            epochs = member.history.column("epoch")
            values = member.history.column(name)
            known = ~np.isnan(values)
            is_over = member.status == "finished"
            drawn.append((epochs[known], values[known], is_over))
        epochs, table = groups_lib.table_of(drawn)
        if not epochs.size:
            return epochs, table
        known = ~np.isnan(table).all(axis=0)
        return epochs[known], table[:, known]


@dataclasses.dataclass(frozen=True, eq=False)
class Facet:
    """Settings that share the networks which were not relaxed.

    Attributes:
        text: What they have in common; empty if there are no other facets.
        labels: Their labels.
        groups: Their networks, those in common among them.
    """

    text: str
    labels: tuple[str, ...]
    groups: tuple[StageGroup, ...]


def group(sweep: relax_trials.RelaxSweep) -> list[StageGroup]:
    """Returns all networks: those of all labels first, then label by label.

    Within that: CNN, relaxed, LCN, then FCN.
    """
    names = relax_names.Names(sweep)
    examples = {}
    for trial in sweep.trials:
        for history in trial.stages.values():
            examples.setdefault(history.stage, history)
    found = []
    for stage, example in examples.items():
        for labels in _clusters(names, stage):
            is_common = len(labels) > 1 and names.have_begun <= set(labels)
            found.append(
                StageGroup(
                    stage=stage,
                    kind=example.kind,
                    relax_epoch=example.relax_epoch,
                    labels=labels,
                    text=ALL if is_common else names.text_of(labels),
                    settings=names.settings_of(labels),
                    members=_members(names.trials_of(labels), stage),
                )
            )

    def place(one: StageGroup) -> tuple:
        first = names.labels.index(one.labels[0])
        history = histories.order(examples[one.stage])
        return one.text != ALL, first, -len(one.labels), history

    return sorted(found, key=place)


def facets(sweep: relax_trials.RelaxSweep) -> list[Facet]:
    """Returns what can be drawn into one panel, one CNN, LCN and FCN each."""
    names, groups = relax_names.Names(sweep), group(sweep)
    found: list[tuple[list[str], dict[str, StageGroup]]] = []
    for label in names.labels:
        own = {
            one.stage: one
            for one in groups
            if label in one.labels and not one.is_relaxed
        }
        if not any(label in one.labels for one in groups):
            continue
        for labels, levels in found:
            if all(levels.get(n, one) is one for n, one in own.items()):
                labels.append(label)
                levels.update(own)
                break
        else:
            found.append(([label], dict(own)))
    return [
        Facet(
            text=names.text_of(labels) if len(found) > 1 else "",
            labels=tuple(labels),
            groups=tuple(
                one for one in groups if set(labels) & set(one.labels)
            ),
        )
        for labels, _ in found
    ]


def labels_of(
    groups: Sequence[StageGroup], names: relax_names.Names
) -> list[str]:
    """Returns the labels that have any of these networks."""
    return [
        label
        for label in names.labels
        if any(label in one.labels for one in groups)
    ]


def _spread(values) -> Spread:
    return Spread(tuple(value for value in values if value is not None))


def _clusters(names: relax_names.Names, stage: str) -> list[tuple[str, ...]]:
    """Returns the labels that have the same networks of this stage."""
    clusters: list[tuple[list[str], dict[Any, histories.History]]] = []
    for label in names.labels:
        own = {
            _key(trial): trial.stages[stage]
            for trial in names.trials_of([label])
            if stage in trial.stages
        }
        if not own:
            continue
        for labels, before in clusters:
            common = own.keys() & before.keys()
            if common and all(_are_one(own[k], before[k]) for k in common):
                labels.append(label)
                before.update(own)
                break
        else:
            clusters.append(([label], own))
    return [tuple(labels) for labels, _ in clusters]


def _are_one(a: histories.History, b: histories.History) -> bool:
    """Whether two runs wrote of one network: its times are equal, too."""
    is_over = a.finished or a.diverged is not None
    return is_over and (
        (a.finished, a.diverged, a.last_epoch, a.epochs)
        == (b.finished, b.diverged, b.last_epoch, b.epochs)
    )


def _members(
    trials: Sequence[relax_trials.RelaxTrial], stage: str
) -> tuple[Member, ...]:
    """Returns the network of each seed, the furthest one if shared."""
    found = {}
    for trial in trials:
        member = Member(trial, trial.stages.get(stage), trial.status_of(stage))
        before = found.setdefault(_key(trial), member)
        if STATUSES.index(member.status) < STATUSES.index(before.status):
            found[_key(trial)] = member
    return tuple(found.values())


def _key(trial: relax_trials.RelaxTrial) -> Any:
    return trial.name if trial.seed is None else trial.seed
