"""Layer rotation of all trials of a sweep: one panel per label.

Reference: Carbonnelle & De Vleeschouwer, arXiv:1806.01603v2, figures 3 to 7.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from needle_tf.figures import axes_style
from needle_tf.figures import pictures
from needle_tf.figures import rotation_panels
from needle_tf.figures import small_multiples
from needle_tf.reports import groups as groups_lib
from needle_tf.reports import trials as trials_lib

if TYPE_CHECKING:
    from matplotlib import figure as mpl_figure

_MOST_COLUMNS = 5


def build_figure(sweep: trials_lib.Sweep) -> "mpl_figure.Figure | None":
    """Returns the picture, or None if no rotation was measured yet.

    Args:
        sweep: What `trials.read_sweep` returned.
    """
    groups = groups_lib.group(sweep)
    curves = [group.rotations() for group in groups]
    if not any(layers for _, layers in curves):
        return None
    titles = ["\n".join([g.text, g.outcome("\n")]) for g in groups]
    has_seeds = any(len(group.drawn()) > 1 for group in groups)
    means = " (means over seeds)" if has_seeds else ""
    with pictures.style():
        figure, all_axes = small_multiples.blank(
            titles,
            "Layer rotation, and test accuracy after training" + means,
            x_label="epochs",
            y_label=rotation_panels.LABEL,
            columns=_columns(groups),
        )
        kernels, top, explanations = 0, rotation_panels.TOP, {}
        for axes, (epochs, layers) in zip(all_axes, curves, strict=True):
            rotation_panels.draw(axes, epochs, layers, is_small=True)
            kernels = max(kernels, len(layers))
            # The axes are shared: the panel that needs most decides.
            top = max(top, axes.get_ylim()[1])
            explanations |= rotation_panels.explanations(layers, True)
        all_axes[0].set_ylim(0, top)
        all_axes[0].set_xlim(0, _last_epoch(curves))
        axes_style.set_epoch_ticks(all_axes[0], ticks=4)
        axes_style.explain_above(figure, explanations)
        small_multiples.finish(figure, kernels)
    return figure


def _columns(groups: Sequence[groups_lib.Group]) -> int | None:
    """Returns panels per row such that a row is one variant, if they fit."""
    variants = [group.variant for group in groups]
    count = variants.count(variants[0])
    is_grid = count <= _MOST_COLUMNS and all(
        len(set(variants[k : k + count])) == 1
        for k in range(0, len(groups), count)
    )
    has_rows = 1 < count < len(groups) and len(groups) % count == 0
    return count if is_grid and has_rows else None


def _last_epoch(curves: Sequence[tuple]) -> float:
    ends = [epochs[-1] for epochs, _ in curves if len(epochs)]
    return max(1.0, *ends)
