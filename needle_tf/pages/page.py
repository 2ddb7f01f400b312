"""The report: one page about a run or a sweep, all pictures inside.

    what was run -> the findings -> pictures, section by section -> every
    network -> flags -> versions

Reads what runs and analyses wrote. Equal folders give equal pages, byte by
byte; nothing on the page needs a network or a script.
"""

import os
import pathlib
from collections.abc import Sequence

from needle_tf.pages import markup
from needle_tf.pages import page_blocks
from needle_tf.pages import page_style
from needle_tf.pages import relax_sections
from needle_tf.pages import run_facts
from needle_tf.pages import run_status
from needle_tf.pages import run_words
from needle_tf.pages import training_sections
from needle_tf.reports import atomic
from needle_tf.reports import sweep_file

NAME = "report.html"
# Whatever a file says, the page loads nothing from elsewhere.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_element = markup.element


def write(folder: str | os.PathLike) -> list[pathlib.Path]:
    """Writes the page and its pictures into the folder.

    Args:
        folder: Of a run or of a sweep, of the relax protocol or of training,
            finished or not.

    Returns:
        The path of the page, then those of the pictures on it.

    Raises:
        ValueError: If the folder holds neither, or a file that is not whole;
            the message names the file.
        OSError: If the folder cannot be written to.
    """
    folder = pathlib.Path(folder)
    facts = run_facts.read(folder)
    sections = [*_results(facts, folder), _flags(facts), _versions(facts)]
    path = folder / NAME
    text = as_html(facts, sections)
    # A file may hold characters that are none, as half of a pair.
    atomic.write_bytes(path, text.encode("utf-8", errors="replace"))
    pictures = [picture for each in sections for picture in each.pictures]
    return [path, *pictures]


def as_html(
    facts: run_facts.Facts, sections: Sequence[page_blocks.Section]
) -> str:
    """Returns the text of the page.

    Args:
        facts: What was run.
        sections: What is shown, in its order.
    """
    title = run_words.title(facts)
    head = markup.rows(
        _element("meta", charset="utf-8"),
        _element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        _element(
            "meta",
            name="viewport",
            content="width=device-width, initial-scale=1",
        ),
        _element("meta", name="color-scheme", content="light dark"),
        _element("meta", name="generator", content="needle_tf"),
        _element("title", f"{title} \N{EN DASH} needle_tf"),
        # The text of a style is no HTML: nothing in it is escaped.
        _element("style", markup.Markup(page_style.CSS)),
    )
    body = markup.rows(
        _element("a", "Skip to the results", href="#results", class_="skip"),
        _header(facts, title),
        _contents(sections),
        _element(
            "main",
            "\n",
            markup.rows(*(section.as_html() for section in sections)),
            id="results",
        ),
        _footer(sections),
    )
    page = _element(
        "html",
        "\n",
        _element("head", "\n", head, "\n"),
        "\n",
        _element("body", "\n", body, "\n"),
        "\n",
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _results(
    facts: run_facts.Facts, folder: pathlib.Path
) -> list[page_blocks.Section]:
    if not any(run.stages for run in facts.runs):
        return [
            page_blocks.missing(
                "findings",
                "The findings at a glance",
                "No network has written anything down yet.",
            )
        ]
    if facts.kind == sweep_file.RELAX:
        return relax_sections.sections(folder, facts)
    return training_sections.sections(folder)


def _header(facts: run_facts.Facts, title: str) -> markup.Markup:
    status = run_status.status(facts)
    return _element(
        "header",
        "\n",
        markup.rows(
            page_blocks.paragraph(run_words.kind(facts), class_="kind"),
            _element("h1", title),
            page_blocks.paragraph(run_words.lead(facts)),
            page_blocks.facts(run_words.settings(facts)),
            page_blocks.paragraph(
                status.summary, class_=f"status {status.state}"
            ),
            page_blocks.notes(status.notes),
        ),
        "\n",
    )


def _contents(sections: Sequence[page_blocks.Section]) -> markup.Markup:
    items = [
        _element(
            "li",
            _element("a", section.title, href=f"#{section.anchor}"),
            _element("span", " (none yet)", class_="quiet")
            if section.is_empty
            else "",
        )
        for section in sections
    ]
    heading = _element("h2", "Contents", id="contents")
    return _element(
        "nav",
        heading,
        "\n",
        _element("ol", "\n", markup.rows(*items), "\n"),
        aria_labelledby="contents",
    )


def _flags(facts: run_facts.Facts) -> page_blocks.Section:
    anchor, title = "flags", "Flags"
    if facts.flags is None:
        return page_blocks.missing(
            anchor, title, f"No {run_facts.FLAGS_FILE} lies in the folder."
        )
    binary = "main" if facts.kind == sweep_file.RELAX else "train"
    command = (
        f"python -m needle_tf.{binary} --flagfile=flags.txt --run_dir=ANOTHER"
    )
    words = page_blocks.paragraph(
        "The flags that were really used. Saved as flags.txt, they repeat it: ",
        _element("code", command),
    )
    blocks = [words, page_blocks.code(facts.flags)]
    return page_blocks.Section(anchor, title, blocks)


def _versions(facts: run_facts.Facts) -> page_blocks.Section:
    columns = {
        "Library": list(facts.versions),
        "Version": list(facts.versions.values()),
    }
    table = page_blocks.table(
        columns, "What it was run with.", left=("Version",)
    )
    return page_blocks.Section("versions", "Versions", [table])


def _footer(sections: Sequence[page_blocks.Section]) -> markup.Markup:
    words = [
        "Made by ",
        _element("code", "python -m needle_tf.report"),
        " from what the runs and the analyses wrote.",
    ]
    if any(section.pictures for section in sections):
        words.append(" The pictures lie beside this page as PNG files.")
    if any(section.is_empty for section in sections):
        words.append(" FOLDER in a command stands for the folder of this page.")
    return _element("footer", page_blocks.paragraph(*words))
