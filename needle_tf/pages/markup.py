"""Writes HTML such that no text of a file can become a tag.

    element("p", "width <", element("b", 3))  ->  <p>width &lt;<b>3</b></p>

What is a `Markup` is HTML already; everything else is text and escaped.
"""

import html
from typing import Any

# Elements that have no content and no end.
_VOID = ("br", "hr", "img", "link", "meta")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(value: Any) -> Markup:
    """Returns a value as HTML: a `Markup` as it is, all else as text."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(str(value), quote=True))


def joined(*parts: Any, by: str = "") -> Markup:
    """Returns the parts, escaped, one after the other."""
    return Markup(by.join(escaped(part) for part in parts))


def element(tag: str, *children: Any, **attributes: Any) -> Markup:
    """Returns an element.

    Args:
        tag: Its name.
        *children: What is in it; text is escaped.
        **attributes: By name, `class_` for `class` and `aria_label` for
            `aria-label`. Those of value None or False are left out, of those
            of value True only the name is written.

    Raises:
        ValueError: If the element can have no children, but is given some.
    """
    words = [tag]
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            words.append(f'{name}="{html.escape(str(value), quote=True)}"')
    start = f"<{' '.join(words)}>"
    if tag not in _VOID:
        return Markup(f"{start}{joined(*children)}</{tag}>")
    if children:
        raise ValueError(
            f"An element <{tag}> has no content. Received: {len(children)} "
            "children. Give it attributes only."
        )
    return Markup(start)


def rows(*parts: Markup) -> Markup:
    """Returns elements on lines of their own."""
    return joined(*parts, by="\n")
