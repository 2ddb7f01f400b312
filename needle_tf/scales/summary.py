"""A scale graph as a table that people read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from needle_tf.scales import skeleton_entries

if TYPE_CHECKING:
    from needle_tf.scales import scale_groups

_MOST_NAMES = 4  # Layers told by name where many have the same reason.


def lines(graph: "scale_groups.ScaleGraph") -> Iterator[str]:
    """Yields the lines of `ScaleGraph.summary`."""
    yield from _table(graph)
    yield ""
    yield f"m      {graph.num_weights:>15,}  weights that train"
    yield f"H      {graph.num_groups:>15,}  groups: scales that change nothing"
    yield f"m - H  {graph.num_basis_paths:>15,}  basis paths"
    yield f"paths  {_number(graph.num_paths):>15}  from ground to ground"
    if not graph.num_groups:
        yield (
            "No group: no unit of this model can be rescaled; see below what "
            "is ground."
        )
    yield from _reasons("Ground:", graph.grounded)
    yield from _reasons("Weights that no scale touches:", graph.plain.items())


def _table(graph):
    rows = [("layer", "weight", "shape", "edges", "from", "to")]
    for edges in graph.edges:
        rows.append(
            (
                edges.layer,
                edges.kind,
                "x".join(map(str, edges.shape)),
                f"{edges.count:,}",
                _units(edges, edges.source, graph.owners),
                _units(edges, edges.target, graph.owners),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if place == 3 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _units(edges, groups, owners):
    """Says which groups are at one end of a weight, as "16 of conv_1"."""
    present = np.unique(groups)
    if len(present) > 1 and present[0] == 0 and len(edges.candidates):
        # Entries of an untied kernel that see padding count as from ground.
        ends = skeleton_entries.at(groups, edges.candidates, edges.shape)
        present = present[0 if (ends == 0).any() else 1 :]
    counts = {}
    for number in present[present > 0]:
        owner = owners[number]
        counts[owner] = counts.get(owner, 0) + 1
    parts = [f"{count:,} of {owner}" for owner, count in counts.items()]
    if present[0] == 0:
        parts.append("ground")
    return " + ".join(parts)


def _reasons(title, pairs):
    """Yields where and why, the places of one reason together."""
    places = {}
    for where, why in pairs:
        places.setdefault(why, []).append(where)
    if places:
        yield ""
        yield title
    for why, names in places.items():
        shown = ", ".join(names[:_MOST_NAMES])
        if len(names) > _MOST_NAMES:
            shown += f", ... ({len(names)} in all)"
        yield f"  {why}: {shown}"


def _number(count):
    """An exact number, or what power of ten it is near if it is large."""
    if count < 10**12:
        return f"{count:,}"
    digits = len(str(count))
    return f"{count // 10 ** (digits - 2) / 10:.1f}e{digits - 1}"
