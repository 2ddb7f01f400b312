"""What tables and pictures show of analyses, read out of their results.

Results are the JSON of an analysis, one per seed; groups are results by label.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

PARTS = ("test", "train")
INTACT = "intact"
# Ablations, in the order in which they are shown, from what is least taken out.
WORDS = {
    INTACT: "intact",
    "sharing_restored": "sharing restored",
    "local_only": "local only",
    "noise": "off-local as noise",
    "off_local_only": "off-local only",
}

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def parts_of(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns which parts of the data all seeds measured, test first."""
    return [
        part
        for part in PARTS
        if all(
            point[part] is not None
            for result in results
            for point in result["points"]
        )
    ]


def layers_of(groups: Groups) -> list[str | None]:
    """Returns what was ablated: None for all layers, and names of layers."""
    return list(
        dict.fromkeys(
            row["layer"]
            for results in groups.values()
            for result in results
            for row in result["rows"]
        )
    ) or [None]


def accuracies(
    results: Sequence[Mapping[str, Any]], variant: str, layer: str | None
) -> list[float]:
    """Returns the accuracy of each seed that has it, the mean over noise.

    Args:
        results: One per seed.
        variant: A key of `WORDS`.
        layer: The only layer that was ablated; None for all at once.
    """
    return [
        figures["accuracy"]
        for result in results
        if (figures := mean_figures(result, variant, layer)) is not None
    ]


def mean_figures(
    result: Mapping[str, Any], variant: str, layer: str | None
) -> dict[str, float | None] | None:
    """Returns loss and accuracy of an ablation, the mean over noise.

    None if it was not measured.
    """
    rows = [
        row["figures"]
        for row in result["rows"]
        if (row["variant"], row["layer"]) == (variant, layer)
    ]
    if variant == INTACT:
        rows = [result["intact"]]
    if not rows:
        return None
    found = {}
    for name in ("loss", "accuracy"):
        values = [row[name] for row in rows]
        found[name] = None if None in values else sum(values) / len(values)
    return found


def mean_accuracies(result: Mapping[str, Any]) -> dict[float, float | None]:
    """Returns the accuracy by distance, the mean over seeds of noise."""
    found: dict[float, list] = {}
    for row in result["rows"]:
        found.setdefault(row["distance"], []).append(row["figures"]["accuracy"])
    return {
        distance: None if None in values else sum(values) / len(values)
        for distance, values in found.items()
    }


class Column:
    """One space or one layer whose curvature was measured.

    Attributes:
        kind: `"spaces"` or `"layers"`.
        name: Its name there.
    """

    def __init__(self, kind: str, name: str):
        self.kind = kind
        self.name = name

    def of(self, result: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Returns the spectrum of a result; None if it was not measured."""
        return result[self.kind].get(self.name)


def columns_of(groups: Groups) -> list[Column]:
    """Returns all spaces, then all layers, in their order."""
    found = dict.fromkeys(
        (kind, name)
        for kind in ("spaces", "layers")
        for results in groups.values()
        for result in results
        for name in result[kind]
    )
    return [Column(kind, name) for kind, name in found]
