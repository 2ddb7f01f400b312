"""Tests of the markup: what is text stays text, and tags fit."""

from absl.testing import absltest

from needle_tf.pages import markup
from tests.pages import page_checks

ODD = "<b>&\"'</b><script>alert(1)</script>"


class MarkupTest(absltest.TestCase):
    def test_text_and_attributes_are_escaped_and_read_back(self):
        made = markup.element("p", ODD, title=ODD)
        page = page_checks.Page(made)
        self.assertEqual(page.problems, [])
        self.assertEqual(page.elements, [("p", {"title": ODD})])
        self.assertEqual(page.texts, [("p", ODD)])

    def test_markup_is_not_escaped_again(self):
        inner = markup.element("b", "a & b")
        self.assertEqual(inner, "<b>a &amp; b</b>")
        made = markup.element("p", "x < ", inner, 3)
        self.assertEqual(made, "<p>x &lt; <b>a &amp; b</b>3</p>")
        self.assertEqual(markup.escaped(made), made)

    def test_names_of_attributes_may_have_hyphens_and_be_words_of_python(self):
        made = markup.element("td", class_="a", aria_label="b", tabindex=0)
        self.assertEqual(
            made, '<td class="a" aria-label="b" tabindex="0"></td>'
        )

    def test_attributes_without_value(self):
        made = markup.element("details", open=True, id=None, hidden=False)
        self.assertEqual(made, "<details open></details>")

    def test_elements_without_content_have_no_end(self):
        self.assertEqual(markup.element("img", alt=""), '<img alt="">')
        with self.assertRaisesRegex(
            ValueError, "<br> has no content. Received: 1 children"
        ):
            markup.element("br", "text")

    def test_parts_are_escaped_one_by_one(self):
        made = markup.rows(markup.element("hr"), "<")
        self.assertEqual(made, "<hr>\n&lt;")
        self.assertEqual(markup.joined("a", "<", by=", "), "a, &lt;")


if __name__ == "__main__":
    absltest.main()
