"""What holds for every page: it is whole, quiet, and open to everybody."""

import base64
import html.parser
import pathlib
import re

from absl.testing import absltest

_VOID = ("br", "hr", "img", "link", "meta")
_PNG = b"\x89PNG\r\n\x1a\n"


class Page(html.parser.HTMLParser):
    """A page taken apart.

    Attributes:
        problems: Tags that do not fit each other.
        elements: Tag and attributes of every element, in order.
        texts: The text of every element that holds text, with its tag.
    """

    def __init__(self, text: str):
        super().__init__()
        self.problems, self.elements, self.texts = [], [], []
        self._open = []
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> stays open" for tag in self._open]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes another element")

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data))

    def all_of(self, tag: str) -> list[dict[str, str]]:
        """Returns the attributes of all elements of a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self) -> str:
        """Returns all that is to be read, without the style."""
        return " ".join(text for tag, text in self.texts if tag != "style")

    def headings(self) -> list[tuple[str, str]]:
        """Returns tag and text of all headings."""
        return [
            (tag, text)
            for tag, text in self.texts
            if re.fullmatch("h[1-6]", tag)
        ]


def read(path: pathlib.Path) -> Page:
    """Returns the page in a file."""
    return Page(path.read_text(encoding="utf-8"))


def assert_sound(test: absltest.TestCase, path: pathlib.Path) -> Page:
    """Asserts all that must hold of a page; returns it."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    test.assertStartsWith(text, "<!doctype html>\n<html lang=")
    test.assertEqual(page.problems, [])
    _assert_nothing_is_loaded(test, text, page)
    _assert_links_lead_somewhere(test, page)
    _assert_open_to_everybody(test, page)
    return page


def _assert_nothing_is_loaded(test, text, page):
    test.assertNotRegex(text, r"(?i)(src|href|url)\s*[=(]\s*[\"']?\s*(http|//)")
    test.assertEmpty(page.all_of("script") + page.all_of("link"))
    for image in page.all_of("img"):
        head, _, content = image["src"].partition(",")
        test.assertEqual(head, "data:image/png;base64")
        png = base64.b64decode(content, validate=True)
        test.assertStartsWith(png, _PNG)
        size = [int.from_bytes(png[k : k + 4], "big") for k in (16, 20)]
        test.assertEqual([int(image[k]) for k in ("width", "height")], size)


def _assert_links_lead_somewhere(test, page):
    names = [a["id"] for _, a in page.elements if "id" in a]
    test.assertLen(set(names), len(names))
    for link in page.all_of("a"):
        test.assertStartsWith(link["href"], "#")
        test.assertIn(link["href"][1:], names)
    for _, attributes in page.elements:
        if "aria-labelledby" in attributes:
            test.assertIn(attributes["aria-labelledby"], names)


def _assert_open_to_everybody(test, page):
    levels = [int(tag[1]) for tag, _ in page.headings()]
    test.assertEqual(levels[0], 1)
    test.assertEqual(levels.count(1), 1)
    for before, after in zip(levels, levels[1:], strict=False):
        test.assertLessEqual(after, before + 1)
    for image in page.all_of("img"):
        test.assertGreater(len(image["alt"]), 10)
    for tag in ("main", "nav", "header", "footer", "title"):
        test.assertLen(page.all_of(tag), 1)
    test.assertLen(page.all_of("caption"), len(page.all_of("table")))
    for _, attributes in page.elements:
        if attributes.get("class") in ("table", "picture"):
            # What scrolls is reached by the keyboard, and has a name.
            test.assertEqual(attributes["tabindex"], "0")
            test.assertNotEmpty(attributes["aria-label"])
