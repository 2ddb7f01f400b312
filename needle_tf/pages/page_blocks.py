"""The blocks of the report's page: sections, pictures, tables, commands.

A page is a list of sections, each with a heading, an anchor and blocks; what
was not measured is a section of one line that says how to measure it.
"""

import base64
import dataclasses
import os
import pathlib
import struct
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

from needle_tf.pages import markup

_PNG = b"\x89PNG\r\n\x1a\n"
# Rows from which a table is folded away until it is asked for.
_MANY_ROWS = 40

_element = markup.element


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        anchor: Its name in links.
        title: Its heading.
        blocks: What is in it.
        is_empty: Whether it only says that nothing was measured.
        pictures: The files of the pictures in it.
    """

    anchor: str
    title: str
    blocks: Sequence[markup.Markup]
    is_empty: bool = False
    pictures: Sequence[pathlib.Path] = ()

    def as_html(self) -> markup.Markup:
        """Returns the section with its heading."""
        heading = f"{self.anchor}-heading"
        return _element(
            "section",
            "\n",
            _element("h2", self.title, id=heading),
            "\n",
            markup.rows(*self.blocks),
            "\n",
            id=self.anchor,
            aria_labelledby=heading,
        )


def missing(anchor: str, title: str, reason: str, command: str = "") -> Section:
    """Returns the section of what is not there.

    Args:
        anchor: Its name in links.
        title: Its heading.
        reason: A line that says what is missing.
        command: What to type to get it; none if nothing can be typed.
    """
    blocks = [_element("p", reason, class_="missing")]
    if command:
        blocks.append(code(command))
    return Section(anchor, title, blocks, is_empty=True)


def paragraph(*children: object, **attributes: object) -> markup.Markup:
    """Returns a paragraph of text and elements."""
    return _element("p", *children, **attributes)


def picture(
    path: str | os.PathLike, alt: str, caption: str | markup.Markup
) -> markup.Markup:
    """Returns a picture that lies within the page.

    Args:
        path: A PNG file.
        alt: What is seen, for those who do not see it.
        caption: How to read it.

    Raises:
        ValueError: If the file is no PNG; the message names it.
        OSError: If it cannot be read.
    """
    content = pathlib.Path(path).read_bytes()
    if content[:8] != _PNG or len(content) < 24:
        raise ValueError(
            f"{path} is no PNG picture: it begins with {content[:8]!r}. Delete "
            "it and repeat the command, which draws it again."
        )
    width, height = struct.unpack(">II", content[16:24])
    image = _element(
        "img",
        src=f"data:image/png;base64,{base64.b64encode(content).decode()}",
        alt=alt,
        width=width,
        height=height,
    )
    # What scrolls must be reached by the keyboard, and have a name then.
    frame = _element(
        "div", image, class_="picture", role="group", aria_label=alt, tabindex=0
    )
    return _element("figure", frame, _element("figcaption", caption))


def table(
    columns: Mapping[str, Sequence[object]],
    caption: str,
    left: Collection[str] = (),
) -> markup.Markup:
    """Returns a table; one of many rows is folded away.

    Args:
        columns: The cells of each column by its heading; the first column
            names the rows.
        caption: What the table shows.
        left: Headings of those aligned to the left, besides the first.
    """
    names = list(columns)
    looks = {
        name: "left" if name in left or name == names[0] else None
        for name in names
    }
    head = [
        _element("th", name, scope="col", class_=looks[name]) for name in names
    ]
    body = []
    for cells in zip(*columns.values(), strict=True):
        first = _element("th", cells[0], scope="row", class_="left")
        rest = [
            _element("td", cell, class_=looks[name])
            for name, cell in zip(names[1:], cells[1:], strict=True)
        ]
        body.append(_element("tr", first, *rest))
    content = _element(
        "table",
        # Where the table scrolls, the words stay in the window.
        _element("caption", _element("span", caption)),
        _element("thead", _element("tr", *head)),
        _element("tbody", "\n", markup.rows(*body)),
    )
    frame = _element(
        "div",
        content,
        class_="table",
        role="group",
        aria_label=caption,
        tabindex=0,
    )
    if len(body) < _MANY_ROWS:
        return frame
    return _element(
        "details", _element("summary", f"All {len(body)} rows"), frame
    )


def notes(lines: Sequence[str], look: str = "notes") -> markup.Markup:
    """Returns a list of remarks, empty if there are none.

    Args:
        lines: The remarks.
        look: Its class in the style.
    """
    if not lines:
        return markup.Markup()
    items = [_element("li", line) for line in lines]
    return _element("ul", *items, class_=look)


def code(text: str) -> markup.Markup:
    """Returns text to be copied, line by line as it is."""
    # A line end right after the tag would be dropped by the browser.
    return _element("pre", _element("code", text), tabindex=0)


def facts(values: Mapping[str, str]) -> markup.Markup:
    """Returns names and values, a few of them side by side."""
    pairs = [
        _element("div", _element("dt", name), _element("dd", value))
        for name, value in values.items()
    ]
    return _element("dl", *pairs, class_="facts")
