"""Results of an analysis as plain text: mean and spread over seeds.

      data       loss at 0           at 1        barrier        % at 0 ...
    eFCN to CNN (n = 3)
      test   0.312 ± 0.003  0.298 ± 0.004  0.041 ± 0.012  91.20 ± 0.31
      train  0.041 ± 0.001  0.052 ± 0.001  0.011 ± 0.002  98.70 ± 0.11

`±` is the sample standard deviation over seeds; one seed has none.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.reports import analysis_rows
from needle_tf.reports import cells
from needle_tf.reports import seed_spread

# Of a line that is a label and nothing else.
_HEAD = ""
_INDENT = "  "
_LEFT = ("data", "layer", "variant", "space", "converged", "distance")
# Given up where lines would be too long.
_EXPENDABLE = ("where",)
_LEGENDS = {
    "path": "barrier: largest excess of the loss over the straight line "
    "between its ends. lowest %: of accuracy on the way.",
    "ablation": "vs intact: points of accuracy, seed by seed.",
    "threshold": "distance: share of the weights' norm. below from: distance "
    "from which accuracy stays below that of the level.",
    "locality": "Shares of the squared weight, in percent; pixels: its mean "
    "distance from the centre of the receptive field, and that of the "
    "field's outermost tap.",
    "off_local": "Norm of the weights outside the receptive fields, of the "
    "units shown.",
    "curvature": "Eigenvalues of the Hessian of the loss; in CNN: share of "
    "the first eigenvector that lies in the CNN subspace.",
}

Results = Sequence[Mapping[str, Any]]
Groups = Mapping[str, Results]
_Line = dict[str, str]


def format_table(kind: str, groups: Groups) -> str:
    """Returns the results as lines of text, without a line end.

    Args:
        kind: Which analysis: `interpolation`, `string`, `band`, `ablation`,
            `off_local`, `locality`, `curvature` or `threshold`.
        groups: The JSON of its results by label, one per seed.

    Raises:
        ValueError: If the analysis is unknown.
    """
    if kind not in _LINES:
        raise ValueError(
            f"`kind` must be one of {', '.join(_LINES)}. Received: "
            f"kind={kind!r}."
        )
    lines = []
    for label, results in groups.items():
        if results:
            lines.append({_HEAD: _heading(label, len(results))})
            lines += _named_once(_LINES[kind](results))
    if not lines:
        return "Nothing was measured yet."
    family = "path" if kind in ("interpolation", "string", "band") else kind
    legend = cells.wrapped(_LEGENDS[family], indent="")
    return "\n".join([*_aligned(lines), *legend])


def _heading(label: str, count: int) -> str:
    return f"{label} (n = {count})" if count > 1 else label


def _named_once(lines: Sequence[_Line]) -> list[_Line]:
    """The lines of one label; a layer is named in the first of its lines."""
    found, before = [], None
    for line in lines:
        layer = line.get("layer")
        again = {"layer": ""} if layer and layer == before else {}
        found.append({_HEAD: "", **line, **again})
        before = layer
    return found


def _aligned(lines: Sequence[_Line]) -> list[str]:
    """Returns heading, rule and lines; labels have lines of their own."""
    names = dict.fromkeys(name for line in lines for name in line)
    names = [name for name in names if name != _HEAD]
    rows = [line for line in lines if not line[_HEAD]]
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    found = cells.aligned(columns, left=_LEFT)
    for name in _EXPENDABLE:
        if len(found[0]) + len(_INDENT) > cells.WIDTH and name in columns:
            del columns[name]
            found = cells.aligned(columns, left=_LEFT)
    head, *texts = [f"{_INDENT}{text}".rstrip() for text in found]
    texts = iter(texts)
    below = []
    for line in lines:
        below += cells.wrapped(line[_HEAD]) if line[_HEAD] else [next(texts)]
    return [head, "-" * max(map(len, [head, *below])), *below]


def _path_lines(results: Results) -> list[_Line]:
    lines = []
    for part in analysis_rows.parts_of(results):
        found = [_PathFigures(each, part) for each in results]
        ends = {
            name: (
                [each.loss(place) for each in found],
                [each.accuracy(place) for each in found],
            )
            for name, place in (("0", 0), ("1", -1))
        }
        lines.append(
            {
                "data": part,
                "loss at 0": seed_spread.significant(ends["0"][0]),
                "at 1": seed_spread.significant(ends["1"][0]),
                "barrier": seed_spread.significant(
                    [each.barrier for each in found]
                ),
                "where": seed_spread.text([each.place for each in found]),
                "% at 0": _percent(ends["0"][1]),
                "% at 1": _percent(ends["1"][1]),
                "lowest %": _percent([each.lowest() for each in found]),
            }
        )
    return lines


class _PathFigures:
    """The figures of one path on one part of the data."""

    def __init__(self, result: Mapping[str, Any], part: str):
        self._points = [point[part] for point in result["points"]]
        barrier = result["barriers"].get(part, {})
        self.barrier = barrier.get("above_line")
        self.place = barrier.get("position")

    def loss(self, place: int) -> float | None:
        return self._points[place]["loss"]

    def accuracy(self, place: int) -> float | None:
        return self._points[place]["accuracy"]

    def lowest(self) -> float:
        return min(point["accuracy"] for point in self._points)


def _ablation_lines(results: Results) -> list[_Line]:
    lines = []
    layers = analysis_rows.layers_of({"": results})
    for layer in layers:
        for variant, words in analysis_rows.WORDS.items():
            if variant == analysis_rows.INTACT and layer is not None:
                continue
            values = analysis_rows.accuracies(results, variant, layer)
            if not values:
                continue
            figures = [
                analysis_rows.mean_figures(each, variant, layer)
                for each in results
            ]
            losses = [each["loss"] for each in figures if each]
            lines.append(
                {
                    "layer": layer or "all",
                    "variant": words,
                    "accuracy %": _percent(values),
                    "vs intact": _against_intact(results, figures),
                    "loss": seed_spread.significant(losses),
                }
            )
    return lines


def _against_intact(results: Results, figures: Sequence) -> str:
    """Differences from the same seed's intact network, in points."""
    found = [
        each["accuracy"] - result["intact"]["accuracy"]
        for each, result in zip(figures, results, strict=True)
        if each and each["accuracy"] is not None
    ]
    text = seed_spread.text(found, 2, 100)
    is_signed = found and not text.startswith(("-", "0.00"))
    return f"+{text}" if is_signed else text


def _threshold_lines(results: Results) -> list[_Line]:
    means = [analysis_rows.mean_accuracies(each) for each in results]
    intact = [each["intact"]["accuracy"] for each in results]
    own = seed_spread.text([each["own_distance"] for each in results], 3)
    lines = [{"distance": f"its own, {own}", "accuracy %": _percent(intact)}]
    for distance in sorted({place for each in means for place in each}):
        values = [each[distance] for each in means if distance in each]
        lines.append(
            {"distance": f"{distance:g}", "accuracy %": _percent(values)}
        )
    levels = [each["level"] for each in results if each.get("level")]
    if levels:
        found = [each.get("threshold") for each in results]
        known = [value for value in found if value is not None]
        text = seed_spread.text(known, 3)
        if len(known) < len(found):
            text = f"{text} ({len(known)} of {len(found)} seeds)"
        lines.append(
            {
                "distance": f"level: {levels[0]['network']}",
                "accuracy %": _percent([each["accuracy"] for each in levels]),
                "below from": text,
            }
        )
    return lines


def _locality_lines(results: Results) -> list[_Line]:
    names = list(dict.fromkeys(n for each in results for n in each["layers"]))
    lines = []
    for name in names:
        own = [
            each["layers"][name] for each in results if name in each["layers"]
        ]
        lines.append(
            {
                "layer": name,
                **_parts([each["parts"] for each in own]),
                "mean pixels": seed_spread.text(
                    [each["mean_distance"] for each in own]
                ),
                "field": f"{own[0]['field_reach']:g}",
            }
        )
    total = _parts([each["total"] for each in results])
    return [*lines, {"layer": "all", **total}]


def _parts(parts: Results) -> _Line:
    return {
        f"{name.replace('_', '-')} %": _percent([each[name] for each in parts])
        for name in ("shared", "unshared", "off_local")
    }


def _off_local_lines(results: Results) -> list[_Line]:
    return [
        {
            "layer": results[0]["layer"],
            "units": str(len(results[0]["units"])),
            "largest norm": seed_spread.significant(
                [max(each["norms"]) for each in results]
            ),
            "mean norm": seed_spread.significant(
                [sum(each["norms"]) / len(each["norms"]) for each in results]
            ),
        }
    ]


def _curvature_lines(results: Results) -> list[_Line]:
    lines = []
    for column in analysis_rows.columns_of({"": results}):
        pairs = [
            (each, spectrum)
            for each in results
            if (spectrum := column.of(each)) and spectrum["eigenvalues"]
        ]
        if not pairs:
            continue
        norms = "gradient_norms", "layer_gradient_norms"
        gradients = norms[column.kind == "layers"]
        spectra = [spectrum for _, spectrum in pairs]
        done = sum(each["is_converged"] for each in spectra)
        lines.append(
            {
                "space": column.name,
                "gradient": seed_spread.significant(
                    [each[gradients].get(column.name) for each, _ in pairs]
                ),
                "first": seed_spread.significant(
                    [each["eigenvalues"][0] for each in spectra]
                ),
                "last": seed_spread.significant(
                    [each["eigenvalues"][-1] for each in spectra]
                ),
                "in CNN": seed_spread.text(
                    [each["cnn_shares"][0] for each in spectra]
                ),
                "converged": f"{done} of {len(spectra)}",
            }
        )
    return lines


def _percent(values: Sequence[float | None]) -> str:
    return seed_spread.text(values, 2, 100)


_LINES = {
    "interpolation": _path_lines,
    "string": _path_lines,
    "band": _path_lines,
    "ablation": _ablation_lines,
    "off_local": _off_local_lines,
    "locality": _locality_lines,
    "curvature": _curvature_lines,
    "threshold": _threshold_lines,
}
