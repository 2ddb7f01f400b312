"""Tests of the blocks: whole, escaped, and the same as their files."""

import base64
import pathlib
import struct

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.pages import page_blocks
from tests.pages import page_checks

ODD = '"<&>"'


def png(width, height):
    """The head of a PNG file, after its specification."""
    size = struct.pack(">II", width, height)
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0"


class SectionTest(absltest.TestCase):
    def test_section_has_a_heading_that_names_it(self):
        block = page_blocks.paragraph("text")
        section = page_blocks.Section("one", "One & all", [block])
        page = page_checks.Page(section.as_html())
        self.assertEqual(page.problems, [])
        self.assertEqual(
            page.all_of("section")[0],
            {"id": "one", "aria-labelledby": "one-heading"},
        )
        self.assertEqual(page.headings(), [("h2", "One & all")])
        self.assertEqual(page.all_of("h2"), [{"id": "one-heading"}])

    def test_missing_section_says_so_and_what_to_type(self):
        section = page_blocks.missing("one", "One", "Not yet.", "do --a=<b>")
        self.assertTrue(section.is_empty)
        page = page_checks.Page(section.as_html())
        self.assertIn(("code", "do --a=<b>"), page.texts)
        other = page_blocks.missing("one", "One", "Never.")
        self.assertEqual(page_checks.Page(other.as_html()).all_of("code"), [])


class PictureTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path, "a.png")

    def test_picture_holds_the_file_its_size_and_its_words(self):
        content = png(1500, 990)
        self.path.write_bytes(content)
        made = page_blocks.picture(self.path, ODD, "How to read it & why.")
        page = page_checks.Page(made)
        self.assertEqual(page.problems, [])
        (image,) = page.all_of("img")
        data = image["src"].removeprefix("data:image/png;base64,")
        self.assertEqual(base64.b64decode(data, validate=True), content)
        self.assertEqual((image["width"], image["height"]), ("1500", "990"))
        self.assertEqual(image["alt"], ODD)
        self.assertEqual(page.texts, [("figcaption", "How to read it & why.")])

    @parameterized.parameters(b"", b"<svg/>", b"\x89PNG\r\n\x1a\n\0\0")
    def test_what_is_no_picture_is_named(self, content):
        self.path.write_bytes(content)
        with self.assertRaisesRegex(ValueError, "a.png is no PNG picture"):
            page_blocks.picture(self.path, "alt", "caption")


class TableTest(absltest.TestCase):
    def made(self, rows):
        columns = {
            "Name": [f"<{k}>" for k in range(rows)],
            "Figure": list(range(rows)),
            "Remark": [""] * rows,
        }
        made = page_blocks.table(columns, "What & why", left=("Remark",))
        page = page_checks.Page(made)
        self.assertEqual(page.problems, [])
        return page

    def test_table_has_heads_for_columns_and_rows(self):
        page = self.made(2)
        heads = page.all_of("th")
        self.assertEqual(
            [head["scope"] for head in heads], ["col"] * 3 + ["row"] * 2
        )
        self.assertEqual(
            [head.get("class") for head in heads[:3]], ["left", None, "left"]
        )
        self.assertIn(("span", "What & why"), page.texts)
        self.assertIn(("th", "<1>"), page.texts)
        self.assertIn(("td", "1"), page.texts)
        self.assertEmpty(page.all_of("details"))

    def test_long_table_is_folded_away(self):
        page = self.made(60)
        self.assertLen(page.all_of("details"), 1)
        self.assertIn(("summary", "All 60 rows"), page.texts)
        self.assertLen(page.all_of("tr"), 61)


class SmallBlocksTest(absltest.TestCase):
    def test_notes_are_a_list_or_nothing(self):
        page = page_checks.Page(page_blocks.notes(["a <", "b"]))
        self.assertEqual(page.texts, [("li", "a <"), ("li", "b")])
        self.assertEqual(page_blocks.notes([]), "")

    def test_code_keeps_its_lines(self):
        text = "--a=1\n--b=<2>\n"
        page = page_checks.Page(page_blocks.code(text))
        self.assertEqual(page.texts, [("code", text)])

    def test_facts_are_pairs(self):
        page = page_checks.Page(page_blocks.facts({"Data": ODD, "Seed": "0"}))
        self.assertEqual(page.problems, [])
        self.assertEqual(
            page.texts,
            [("dt", "Data"), ("dd", ODD), ("dt", "Seed"), ("dd", "0")],
        )


if __name__ == "__main__":
    absltest.main()
