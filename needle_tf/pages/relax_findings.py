"""The findings of the relax protocol, in numbers of a run or a sweep.

A table of every network with mean and spread over seeds, and in words what it
says of the first three findings of the paper. Whether the seeds agree is said
of differences between networks of the same seed.
Reference: d'Ascoli et al., arXiv:1906.06766.
"""

from collections.abc import Sequence

from needle_tf.pages import markup
from needle_tf.pages import page_blocks
from needle_tf.reports import cells
from needle_tf.reports import network_names
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_trials

ANCHOR, TITLE = "findings", "The findings at a glance"
# Sentences about more sets of settings would be a text rather than a glance.
_MOST_FACETS = 4
_FREE = ("efcn", "band")
Groups = Sequence[relax_groups.StageGroup]


def section(sweep: relax_trials.RelaxSweep) -> page_blocks.Section:
    """Returns the section with the table and the sentences."""
    groups = relax_groups.group(sweep)
    blocks = [page_blocks.notes(sentences(sweep), "findings"), _table(groups)]
    return page_blocks.Section(ANCHOR, TITLE, blocks)


def sentences(sweep: relax_trials.RelaxSweep) -> list[str]:
    """Returns one sentence per finding and set of settings.

    None of a finding that nothing finished speaks of.
    """
    facets = relax_groups.facets(sweep)
    found = []
    for facet in facets[:_MOST_FACETS]:
        head = f"{facet.text}: " if facet.text else ""
        relaxed = [
            group
            for group in facet.groups
            if group.kind in _FREE and _accuracy(group) is not None
        ]
        if relaxed:
            parts = [
                _distance(relaxed),
                _above_fcn(relaxed, facet.groups),
                _above_cnn(relaxed),
            ]
            found += [head + part for part in parts if part]
    return found


def name_of(group: relax_groups.StageGroup, groups: Groups) -> str:
    """Returns what a network is called among others: with its settings."""
    name = network_names.name_of(group)
    alike = [other for other in groups if other.stage == group.stage]
    return f"{name} ({group.text})" if len(alike) > 1 else name


def _distance(relaxed: Groups) -> str:
    """Finding 1: how close the relaxed networks stay."""
    known = [
        (group.finals("delta").mean, group)
        for group in relaxed
        if group.finals("delta").values
    ]
    if not known:
        return ""
    values = [value for value, _ in known]
    low, high = min(values), max(values)
    far = name_of(known[values.index(high)][1], relaxed)
    if len(known) == 1:
        return (
            f"Distance from the CNN subspace (finding 1): {far} ends at delta "
            f"{high:.3f}."
        )
    return (
        "Distance from the CNN subspace (finding 1): the relaxed networks end "
        f"at delta {low:.3f} to {high:.3f}, {far} being the farthest."
    )


def _above_fcn(relaxed: Groups, groups: Groups) -> str:
    """Finding 2: relaxed networks against the FCN from scratch."""
    fcns = [
        group
        for group in groups
        if group.kind == "fcn" and _accuracy(group) is not None
    ]
    if len(fcns) != 1:
        return ""
    level = _accuracy(fcns[0])
    above = [group for group in relaxed if _accuracy(group) > level]
    lowest = min(relaxed, key=_accuracy)
    return (
        f"Against the FCN from scratch (finding 2): {len(above)} of "
        f"{len(relaxed)} relaxed networks end above it in the mean; the lowest "
        f"is {name_of(lowest, relaxed)} with {_percent(_accuracy(lowest))}, "
        f"the FCN has {_percent(level)}."
    )


def _above_cnn(relaxed: Groups) -> str:
    """Finding 3: relaxed networks against the CNN they stem from."""
    known = [group for group in relaxed if group.differences().values]
    if not known:
        return ""
    best = max(known, key=lambda group: group.differences().mean)
    above = [group for group in known if group.differences().mean > 0]
    differences = best.differences()
    text = (
        f"Against the CNN of the same seed (finding 3): {len(above)} of "
        f"{len(known)} relaxed networks end above it in the mean; the best is "
        f"{name_of(best, relaxed)} with {_points(differences)} points"
    )
    if len(differences.values) > 1:
        agree = "" if differences.has_one_sign else "do not "
        text += f", and the seeds {agree}agree in the sign"
    return f"{text}."


def _accuracy(group: relax_groups.StageGroup) -> float | None:
    return group.finals(relax_groups.ACCURACY).mean


def _percent(share: float) -> str:
    return f"{cells.percent(share)}\N{NO-BREAK SPACE}%"


def _points(spread: relax_groups.Spread) -> str:
    return cells.spread([100 * value for value in spread.values], "+.2f")


def _table(groups: Groups) -> markup.Markup:
    accuracies = [group.finals(relax_groups.ACCURACY) for group in groups]
    columns = {
        "Network": [network_names.name_of(group) for group in groups],
        "Setting": [group.text for group in groups],
        "Seeds": [_count(group) for group in groups],
        "Test %": [
            cells.spread([100 * value for value in spread.values], ".2f")
            for spread in accuracies
        ],
        "vs its CNN": [_points(group.differences()) for group in groups],
        "Seeds agree": [_agreement(group.differences()) for group in groups],
        "Best test %": [cells.percent(group.bests().mean) for group in groups],
        "delta": [_share(group.finals("delta")) for group in groups],
        "delta_share": [
            _share(group.finals("delta_share")) for group in groups
        ],
        "Remarks": [_remarks(group) for group in groups],
    }
    if len(set(columns["Setting"])) == 1:
        del columns["Setting"]
    for name in ("Seeds agree", "Remarks"):
        if not set(columns[name]) - {"", "-"}:
            del columns[name]
    caption = (
        "After the last epoch, mean \N{PLUS-MINUS SIGN} standard deviation "
        "over the seeds that came to their end. vs its CNN: points of test "
        "accuracy above the CNN of the same seed. Of the weights' norm, delta "
        "is the off-local part and delta_share what breaks weight sharing."
    )
    return page_blocks.table(columns, caption, left=("Setting", "Remarks"))


def _count(group: relax_groups.StageGroup) -> str:
    finished = group.counts().get("finished", 0)
    total = len(group.members)
    return str(total) if finished == total else f"{finished} of {total}"


def _agreement(spread: relax_groups.Spread) -> str:
    if len(spread.values) < 2:
        return "-"
    return "yes" if spread.has_one_sign else "no"


def _share(spread: relax_groups.Spread) -> str:
    # What is 0 by construction needs no digits.
    if spread.values and not any(spread.values):
        return "0"
    return cells.spread(spread.values, ".3f")


def _remarks(group: relax_groups.StageGroup) -> str:
    counts = group.counts()
    return ", ".join(
        f"{count} {status}"
        for status, count in counts.items()
        if status != "finished"
    )
