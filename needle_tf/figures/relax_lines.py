"""Lines along the relax epoch: one per setting and kind of relaxed network."""

import dataclasses
from collections.abc import Sequence

from needle_tf.figures import palette
from needle_tf.figures import pictures
from needle_tf.reports import histories
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names

_NAME_LENGTH = 34
# Relaxed networks that have room in a legend of one line.
_SAMPLES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """Relaxed networks that differ in their relax epoch only.

    Attributes:
        name: What it is called beside the other lines.
        kind: Kind of its networks.
        groups: The networks, their relax epochs rising.
        color: Its colour.
        dashes: Its style of line.
    """

    name: str
    kind: str
    groups: tuple[relax_groups.StageGroup, ...]
    color: str
    dashes: str | tuple


def of(facet: relax_groups.Facet, names: relax_names.Names) -> list[Line]:
    """Returns the lines of a facet, kind by kind.

    Args:
        facet: The facet.
        names: Of the labels.
    """
    members = {}
    for one in facet.groups:
        if one.is_relaxed:
            members.setdefault((one.kind, one.labels), []).append(one)
    kinds = dict.fromkeys(kind for kind, _ in members)
    # Networks of all settings at once have the colour of their kind.
    settings = dict.fromkeys(
        own[0].labels
        for own in members.values()
        if own[0].text != relax_groups.ALL
    )
    looks = palette.setting_looks(len(settings), names.are_ordered)
    colors = dict(zip(settings, looks, strict=True))
    found = []
    for (kind, labels), own in members.items():
        parts = [network_names.name_of_kind(kind)] if len(kinds) > 1 else []
        if len(settings) > 1 and labels in settings:
            parts.append(names.text_of(labels, beside=facet.labels))
        name = ", ".join(parts) or network_names.name_of_kind(kind)
        color = palette.color_of_kind(kind)
        if labels in settings:
            color = colors[labels][kind]
        is_plain = kind != "elcn" or len(settings) < 2
        found.append(
            Line(
                name=pictures.shortened(name, _NAME_LENGTH),
                kind=kind,
                groups=tuple(sorted(own, key=lambda one: one.relax_epoch)),
                color=color,
                dashes="-" if is_plain else (0, (3, 1.2)),
            )
        )
    return sorted(found, key=lambda line: line.kind == "elcn")


def with_distance(lines: Sequence[Line]) -> list[Line]:
    """Returns those whose distance after training was measured.

    An eLCN is none of them: it has no off-local weights.
    """
    return [
        line
        for line in lines
        if line.kind != "elcn"
        and any(one.finals("delta").values for one in line.groups)
    ]


def samples(
    groups: Sequence[relax_groups.StageGroup],
) -> dict[str, relax_groups.StageGroup]:
    """Returns networks by name that explain the colours of all of them.

    Every kind that was not relaxed, and of the others a few relax epochs.
    """
    ordered = sorted(groups, key=histories.order)
    by_name = {network_names.name_of(one): one for one in ordered}
    kept = dict(by_name)
    kinds = {one.kind for one in groups if one.is_relaxed}
    for kind in kinds:
        most = max(_SAMPLES // len(kinds), 2)
        own = sorted(
            (one for one in by_name.values() if one.kind == kind),
            key=lambda one: one.relax_epoch,
        )
        if len(own) > most:
            steps = [k / (most - 1) for k in range(most)]
            shown = {round(step * (len(own) - 1)) for step in steps}
            for k, one in enumerate(own):
                if k not in shown:
                    del kept[network_names.name_of(one)]
    return kept


def colors_of(groups: Sequence[relax_groups.StageGroup]) -> dict[str, str]:
    """Returns one colour per stage, the same under all settings."""
    stages = {one.stage: one for one in groups}
    return palette.colors_of(list(stages.values()))
