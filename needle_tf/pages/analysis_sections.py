"""The page's sections of what was measured on trained networks.

    paths       interpolation, strings and bands between two networks
    ablation, locality, off-local weights, curvature, threshold

Each shows every analysis of its kind, the mean and the range over seeds; one
that was not made says which command makes it.
"""

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.figures import ablation_figure
from needle_tf.figures import locality_figure
from needle_tf.figures import off_local_figure
from needle_tf.figures import path_figure
from needle_tf.figures import pictures
from needle_tf.figures import spectrum_figure
from needle_tf.figures import threshold_figure
from needle_tf.pages import markup
from needle_tf.pages import page_blocks
from needle_tf.reports import analysis_files
from needle_tf.reports import analysis_table

# Lines or rows of one picture, and pictures of one section.
_MOST = 6
_MOST_PICTURES = 6
_MORE = (
    "{} more pictures are not shown here; those of needle_tf.compare lie in "
    "the folder analysis of each run."
)


@dataclasses.dataclass(frozen=True)
class Topic:
    """What one section is about.

    Attributes:
        anchor: Its name in links and in the names of its pictures.
        title: Its heading.
        kinds: The analyses that it shows.
        build: Makes a picture of groups and a title.
        caption: How to read it.
        arguments: What to type after `--mode=`, with `{first}` and `{second}`
            for two networks of the run, `{level}` for what an FCN adds.
    """

    anchor: str
    title: str
    kinds: Sequence[str]
    build: Callable[..., Any]
    caption: str
    arguments: str

    @property
    def file(self) -> str:
        """How the names of its pictures begin."""
        return self.anchor.replace("-", "_")


TOPICS = (
    Topic(
        "paths",
        "Between two networks",
        ("interpolation", "string", "band"),
        path_figure.build_figure,
        "Loss and accuracy along paths in the weights from one network "
        "(position 0) to the other (position 1), the CNN being embedded. A "
        "hump of the loss is a barrier: the two do not lie in one basin as far "
        "as this path tells.",
        "interpolation --first={second} --second={first}",
    ),
    Topic(
        "ablation",
        "What the parts of the weights do",
        ("ablation",),
        ablation_figure.build_figure,
        "Test accuracy of the network as it is, with its local weights only, "
        "its off-local weights only, its sharing restored, and with noise of "
        "equal norm in place of the off-local weights. Templates that help "
        "only together with the convolutional features show as a loss for "
        "local only and a failure of off-local only.",
        "ablation --first={first}",
    ),
    Topic(
        "locality",
        "How local and how shared the layers are",
        ("locality",),
        locality_figure.build_figure,
        "Share of each layer's squared weight by distance from the centre of "
        "the receptive field, in input pixels. What lies beyond the outermost "
        "tap has grown since the relaxation.",
        "locality --first={first}",
    ),
    Topic(
        "off-local",
        "Off-local pictures",
        ("off_local",),
        off_local_figure.build_figure,
        "What units of the first layer look at outside their receptive fields, "
        "which are marked by a box: grey is 0, white and black are the largest "
        "weights of a row. Contours of images are the templates of finding 4; "
        "even noise is what an unstructured net would show.",
        "off_local --first={first}",
    ),
    Topic(
        "curvature",
        "Curvature",
        ("curvature",),
        spectrum_figure.build_figure,
        "Leading eigenvalues of the Hessian of the loss, in all weights and "
        "within subspaces where they were asked for. Larger ones are sharper "
        "directions.",
        "curvature --first={first}",
    ),
    Topic(
        "threshold",
        "Threshold distance",
        ("threshold",),
        threshold_figure.build_figure,
        "Accuracy of the network pushed to set distances from the subspace. "
        "Where it falls to the level of a fully connected net from scratch is "
        "the threshold of finding 5.",
        "threshold --first={first}{level}",
    ),
)


def sections(
    analyses: Sequence[analysis_files.Analysis],
    folder: pathlib.Path,
    networks: Mapping[str, str],
    where: str = "",
) -> list[page_blocks.Section]:
    """Returns one section per topic, and draws its pictures.

    Args:
        analyses: What `analysis_files.read` returned.
        folder: Where the PNG files go.
        networks: Networks of the run for commands, by the names of
            `Topic.arguments`; empty if it has none to analyse.
        where: Which network on which data, for the titles of pictures.

    Raises:
        ValueError: If a file of arrays is not whole; the message names it.
        OSError: If a picture cannot be written.
    """
    return [
        _section(
            topic,
            [each for each in analyses if each.kind in topic.kinds],
            folder,
            networks,
            where,
        )
        for topic in TOPICS
    ]


@dataclasses.dataclass(frozen=True)
class _Drawing:
    """One picture that is to be drawn, with its words and numbers."""

    build: Callable[[], Any]
    alt: str
    table: str


def _section(topic, analyses, folder, networks, where):
    draw = _off_local if topic.kinds == ("off_local",) else _groups
    drawings = draw(topic, analyses, where)
    if not drawings:
        return _missing(topic, networks)
    blocks, paths = [], []
    for number, drawing in enumerate(drawings[:_MOST_PICTURES], start=1):
        name = f"report_{topic.file}_{number}.png"
        paths.append(pictures.save(drawing.build(), folder / name))
        # How to read it is said once.
        caption = topic.caption if number == 1 else drawing.alt
        blocks.append(page_blocks.picture(paths[-1], drawing.alt, caption))
        blocks.append(_folded(drawing.table))
    more = len(drawings) - len(paths)
    if more:
        blocks.append(page_blocks.paragraph(_MORE.format(more)))
    return page_blocks.Section(
        topic.anchor, topic.title, blocks, pictures=paths
    )


def _groups(topic, analyses, where):
    """Returns the drawings of results over seeds."""
    return [
        _group(topic, batch, where)
        for batch in _batches(analyses, by_ends=topic.anchor == "paths")
    ]


def _group(topic, batch, where):
    # The title says between which networks.
    is_path = topic.anchor == "paths"
    find_names = analysis_files.ways if is_path else analysis_files.names
    named = dict(zip(find_names(batch), batch, strict=True))
    groups = {name: each.results for name, each in named.items()}
    heading = _heading(topic, batch)
    labels = {each.label for each in batch}
    if len(labels) == 1 and batch[0].label:
        # A title of one line has no room for more.
        heading, where = f"{heading} ({batch[0].label})", ""
    title = f"{heading}: {where}" if where else heading
    seeds = max(len(each.results) for each in batch)
    over = f", mean and range over {seeds} seeds" if seeds > 1 else ""
    return _Drawing(
        build=functools.partial(topic.build, groups, title),
        alt=f"{heading}: {', '.join(groups)}{over}.",
        table=_table(named),
    )


def _table(named: Mapping[str, analysis_files.Analysis]) -> str:
    """Returns the numbers of analyses of one topic."""
    kind = next(iter(named.values())).kind
    groups = {name: each.results for name, each in named.items()}
    return analysis_table.format_table(kind, groups)


def _heading(topic, batch):
    """Returns what a picture shows; between which networks a path leads."""
    if topic.anchor != "paths":
        return topic.title
    ends = [batch[0].first, batch[0].second or ""]
    return " to ".join(map(analysis_files.name_of, ends))


def _batches(analyses, by_ends):
    """Returns what is drawn together: few lines, of one scale."""
    if not by_ends and len(analyses) <= _MOST:
        return [analyses] if analyses else []
    found = collections.defaultdict(list)
    for each in analyses:
        ends = (each.first, each.second) if by_ends else ()
        found[(each.label, *ends)].append(each)
    return [
        members[start : start + _MOST]
        for members in found.values()
        for start in range(0, len(members), _MOST)
    ]


def _off_local(topic, analyses, where):
    """Returns one drawing per set of units, of the first seed that has any.

    Units of several seeds have no mean: they are other units.
    """
    del where  # The title says which seed it is.
    shown = [each for each in analyses if each.arrays()]
    rows = collections.defaultdict(dict)
    named = dict(zip(analysis_files.names(shown), shown, strict=True))
    for name, each in named.items():
        seed, path = each.arrays()
        units = off_local_figure.read(path)
        key = seed, units.layer, units.units.tobytes(), units.images.shape
        rows[key][name] = units
    drawings = []
    for (seed, layer, *_), own in rows.items():
        title = f"Weights outside the receptive fields: {layer}"
        title += "" if seed is None else f", seed {seed}"
        for start in range(0, len(own), _MOST):
            part = dict(list(own.items())[start : start + _MOST])
            drawings.append(
                _Drawing(
                    build=functools.partial(topic.build, part, title),
                    alt=f"{title}: {', '.join(part)}.",
                    table=_table({name: named[name] for name in part}),
                )
            )
    return drawings


def _folded(table: str) -> markup.Markup:
    summary = markup.element("summary", "The numbers")
    return markup.element("details", summary, page_blocks.code(table))


def _missing(topic, networks):
    if not networks:
        reason = "Not measured: there is no relaxed network yet."
        return page_blocks.missing(topic.anchor, topic.title, reason)
    command = "python -m needle_tf.compare --run_dir=FOLDER --mode="
    command += topic.arguments.format(**networks)
    return page_blocks.missing(
        topic.anchor, topic.title, "Not measured. To measure it, type", command
    )
