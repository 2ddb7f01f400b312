"""Reads the analyses of a run or a sweep, matched over seeds.

    RUN/analysis/<mode>_<first>[_<second>]-<digits of the settings>.json
    SWEEP/<trial>/analysis/<the same>.json

Equal settings give an equal file name, so the files of one name in the trials
of one label are one analysis, repeated with other seeds.
"""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.reports import histories
from needle_tf.reports import network_names

FOLDER = "analysis"
_WAYS = ("linear", "curvilinear", "outputs")
PATHS = ("interpolation", "string", "band")
KINDS = (
    *PATHS,
    "ablation",
    "off_local",
    "locality",
    "curvature",
    "threshold",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Analysis:
    """One analysis, of one seed or of several.

    Attributes:
        kind: One of `KINDS`.
        first: The network that was analysed, as `efcn_relax20@40`.
        second: The other one, or None.
        label: What the trials have in common that it was made in; "" for a
            run that is alone.
        settings: All that the mode was given.
        results: What it found, one object per seed.
        paths: Its files, one per seed.
        seeds: Of the runs; None where nothing says.
    """

    kind: str
    first: str
    second: str | None
    label: str
    settings: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    paths: Sequence[pathlib.Path]
    seeds: Sequence[int | None]

    def arrays(self) -> tuple[int | None, pathlib.Path] | None:
        """Returns the first `.npz` file beside its files, and its seed."""
        for seed, path in zip(self.seeds, self.paths, strict=True):
            if path.with_suffix(".npz").is_file():
                return seed, path.with_suffix(".npz")
        return None


def read(folders: Sequence[tuple[str, str | os.PathLike]]) -> list[Analysis]:
    """Returns the analyses of some runs, ordered by kind and networks.

    Args:
        folders: Label and folder of each run; the folders of equal labels
            differ in their seed only.

    Raises:
        ValueError: If a file is not whole; the message names it.
    """
    found = collections.defaultdict(list)
    for label, folder in folders:
        for path in sorted(pathlib.Path(folder, FOLDER).glob("*.json")):
            found[label, path.name].append((path, _content(path)))
    analyses = [
        Analysis(
            kind=members[0][1]["kind"],
            first=members[0][1]["first"],
            second=members[0][1]["second"],
            label=label,
            settings=members[0][1]["settings"],
            results=[content["result"] for _, content in members],
            paths=[path for path, _ in members],
            seeds=[content.get("seed") for _, content in members],
        )
        for (label, _), members in found.items()
    ]
    labels = list(dict.fromkeys(label for label, _ in folders))
    return sorted(analyses, key=lambda each: _order(each, labels))


def name_of(network: str) -> str:
    """Returns how a network is called: `eFCN@20` for `efcn_relax20@40`.

    A file is called by its name, what is neither stays as it is.
    """
    if network.endswith(".keras"):
        return pathlib.PurePath(network).stem
    stage = network.partition("@")[0]
    kind, _, epoch = stage.partition("_relax")
    try:
        name = network_names.name_of_kind(kind)
    except KeyError:
        return network
    return f"{name}@{epoch}" if epoch else name


def names(analyses: Sequence[Analysis]) -> list[str]:
    """Returns a short name for each, with what tells it from the others.

    First the networks, then those settings that differ between analyses of
    the same networks, then the label where there are several.
    """
    labels = {each.label for each in analyses}
    texts = []
    for each in analyses:
        parts = [_networks(each, analyses)]
        rivals = [
            other
            for other in analyses
            if (other.first, other.second, other.label)
            == (each.first, each.second, each.label)
        ]
        if len({_way(other) for other in rivals}) > 1:
            parts.append(_way(each))
        parts += _differences(each, rivals)
        if len(labels) > 1 and each.label:
            parts.append(each.label)
        texts.append(", ".join(parts))
    return _told_apart(texts)


def _networks(each: Analysis, all_of_them: Sequence[Analysis]) -> str:
    """Returns the networks, with their epochs where names alone are equal."""
    own = _ends(each)
    texts = [name_of(name) for name in own]
    alike = {
        tuple(_ends(other))
        for other in all_of_them
        if [name_of(name) for name in _ends(other)] == texts
    }
    if len(alike) > 1:
        texts = own
    return (" minus " if each.kind == "off_local" else " to ").join(texts)


def _ends(each: Analysis) -> list[str]:
    """Returns the networks that an analysis is of.

    What the threshold is compared with is none of them.
    """
    second = None if each.kind == "threshold" else each.second
    return [name for name in (each.first, second) if name]


def ways(analyses: Sequence[Analysis]) -> list[str]:
    """Returns a short name for each of several paths between two networks."""
    texts = [
        ", ".join([_way(each), *_differences(each, analyses)])
        for each in analyses
    ]
    return _told_apart(texts)


def _way(each: Analysis) -> str:
    """Returns how a path was made; of the others, which analysis it is."""
    if each.kind in PATHS:
        return str(each.results[0].get("kind") or each.kind)
    return each.kind


def _differences(each: Analysis, rivals: Sequence[Analysis]) -> list[str]:
    """Returns the settings that not all rivals made the same way have."""
    alike = [other for other in rivals if _way(other) == _way(each)]
    return [
        f"{name}={_short(value)}"
        for name, value in each.settings.items()
        if any(other.settings.get(name) != value for other in alike)
    ]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(str(part) for part in value)
    return str(value)


def _told_apart(texts: list[str]) -> list[str]:
    """Returns the texts, numbered where they are equal all the same."""
    return [
        text
        if texts.count(text) == 1
        else f"{text} ({texts[: k + 1].count(text)})"
        for k, text in enumerate(texts)
    ]


def _content(path: pathlib.Path) -> dict[str, Any]:
    """Returns what a file holds, checked."""
    try:
        content = histories.read_object(path)
        content.setdefault("second", None)
        _require(content, "kind", content.get("kind") in KINDS, KINDS)
        _require(
            content, "first", isinstance(content.get("first"), str), "text"
        )
        second = content["second"]
        _require(
            content, "second", second is None or isinstance(second, str), "text"
        )
        for name in ("settings", "result"):
            is_object = isinstance(content.get(name), dict)
            _require(content, name, is_object, "an object")
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole analysis: {error} Delete it, and repeat the "
            "command that made it."
        ) from error
    return content


def _require(
    content: Mapping[str, Any],
    name: str,
    holds: bool,
    expected: str | Sequence[str],
) -> None:
    if holds:
        return
    if not isinstance(expected, str):
        expected = f"one of {', '.join(expected)}"
    raise ValueError(
        f"{name!r} must be {expected}. Received: "
        f"{str(content.get(name))[:60]!r}."
    )


def _order(each: Analysis, labels: Sequence[str]) -> tuple:
    networks = [_rank(name) for name in (each.first, each.second or "")]
    way = _WAYS.index(_way(each)) if _way(each) in _WAYS else len(_WAYS)
    return (
        KINDS.index(each.kind),
        labels.index(each.label),
        networks,
        way,
        each.paths[0].name,
    )


def _rank(network: str) -> tuple[str, int, str]:
    """Returns what sorts networks: eFCN@5 comes before eFCN@20."""
    kind, _, rest = network.partition("@")[0].partition("_relax")
    return kind, int(rest) if rest.isdecimal() else -1, network
