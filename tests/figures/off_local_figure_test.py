"""Tests of the picture of off-local weights."""

import pathlib

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.figures import off_local_figure
from needle_tf.figures import pictures
from tests.figures import picture_checks


def units(count=3, shape=(8, 8, 1), seed=0, scale=1.0):
    """Random weights of some units with fields of 3x3 pixels."""
    rng = np.random.default_rng(seed)
    places = np.array([(k % 4, k // 4, k) for k in range(count)])
    windows = np.array([(i - 1, j - 1, i + 2, j + 2) for i, j, _ in places])
    images = scale * rng.normal(size=(count, *shape)).astype("float32")
    outside = images.copy()
    for image, (top, left, bottom, right) in zip(outside, windows, strict=True):
        image[max(top, 0) : bottom, max(left, 0) : right] = 0
    norms = np.sqrt(np.square(outside).sum(axis=(1, 2, 3)))
    return off_local_figure.Units(
        "conv_1", places, windows, norms, images, outside
    )


def shown(figure):
    return [axes.get_images()[0].get_array() for axes in figure.axes]


class OffLocalFigureTest(parameterized.TestCase):
    def test_rows_are_networks_and_columns_units(self):
        rows = {"eFCN@20": units(), "FCN": units(seed=1)}
        figure = off_local_figure.build_figure(rows)
        self.assertLen(figure.axes, 6)
        words = picture_checks.words_of(figure)
        for text in (
            "eFCN@20",
            "FCN",
            "(0, 0) 0",
            "(2, 0) 2",
            "conv_1",
            "(row, col",
        ):
            self.assertIn(text, words)
        images = shown(figure)
        for row, each in enumerate(rows.values()):
            largest = np.abs(each.outside).max()
            for k in range(3):
                np.testing.assert_allclose(
                    images[3 * row + k],
                    0.5 + each.outside[k, ..., 0] / largest / 2,
                    rtol=1e-5,
                )
        picture_checks.assert_in_place(self, figure)
        picture_checks.assert_large_enough(self, figure)

    def test_whole_rows_show_the_field_too(self):
        rows = {"a": units(), "b": units()}
        figure = off_local_figure.build_figure(rows, "title", whole=["b"])
        images = shown(figure)
        np.testing.assert_array_equal(images[0][:2, :2], 0.5)
        self.assertGreater(np.abs(images[3][:2, :2] - 0.5).min(), 0)
        self.assertIn("title", picture_checks.words_of(figure))

    def test_box_is_the_field_within_the_image(self):
        figure = off_local_figure.build_figure({"a": units()})
        corner, _, inner = (axes.patches[0] for axes in figure.axes)
        # Unit (0, 0): rows and columns -1 are outside of the image.
        self.assertEqual(corner.get_bbox().bounds, (-0.5, -0.5, 2, 2))
        self.assertEqual(inner.get_bbox().bounds, (-0.5, 0.5, 2, 3))
        path = pathlib.Path(self.create_tempdir().full_path, "a.png")
        pictures.save(figure, path)
        from matplotlib import image as mpl_image

        drawn = mpl_image.imread(path)
        self.assertTrue(picture_checks.has_color(drawn, "#D55E00", 300))

    def test_field_outside_of_the_image_has_no_box(self):
        away = units(1)._replace(windows=np.array([(-3, 0, 0, 3)]))
        figure = off_local_figure.build_figure({"a": away})
        self.assertEmpty(figure.axes[0].patches)

    @parameterized.parameters(
        ((8, 8, 3), (8, 8, 3)), ((8, 8, 4), (8, 8)), ((16, 8, 1), (16, 8))
    )
    def test_three_channels_are_colours_and_others_a_mean(self, shape, picture):
        given = units(2, shape)
        figure = off_local_figure.build_figure({"a": given}, whole=["a"])
        self.assertEqual(shown(figure)[0].shape, picture)
        if shape[-1] == 4:
            mean = given.images.mean(axis=-1)
            np.testing.assert_allclose(
                shown(figure)[1],
                0.5 + mean[1] / np.abs(mean).max() / 2,
                rtol=1e-5,
            )
        picture_checks.assert_in_place(self, figure)

    def test_zeros_and_what_is_no_number_are_grey(self):
        for value in (0.0, np.nan, np.inf):
            given = units(1)
            given = given._replace(outside=np.full_like(given.outside, value))
            figure = off_local_figure.build_figure({"a": given})
            np.testing.assert_array_equal(shown(figure)[0], 0.5)

    def test_of_many_units_the_first_are_shown(self):
        rows = {"a very long name of a network, of many words": units(14)}
        figure = off_local_figure.build_figure(rows)
        self.assertLen(figure.axes, 10)
        picture_checks.assert_in_place(self, figure)

    def test_rows_of_other_units_are_refused(self):
        for other in (units(2), units(3, (7, 8, 1))):
            with self.assertRaisesRegex(
                ValueError, 'the same units.*"b" with.*"a" with.*units=...'
            ):
                off_local_figure.build_figure({"a": units(), "b": other})
        with self.assertRaisesRegex(ValueError, "at least one row"):
            off_local_figure.build_figure({})
        with self.assertRaisesRegex(ValueError, r"\['c'\].*rows: \['a'\]"):
            off_local_figure.build_figure({"a": units()}, whole=["c"])


class ReadTest(parameterized.TestCase):
    def write(self, **changes):
        path = pathlib.Path(self.create_tempdir().full_path, "off_local.npz")
        np.savez(path, **{**units()._asdict(), **changes})
        return path

    def test_file_comes_back(self):
        found = off_local_figure.read(self.write())
        for name, value in units()._asdict().items():
            np.testing.assert_array_equal(getattr(found, name), value)

    @parameterized.parameters(
        (
            {"windows": np.zeros((3, 3))},
            r"`windows` should have shape \(3, 4\)",
        ),
        ({"outside": np.zeros((3, 8, 8))}, "`outside` should have shape"),
        ({"norms": np.zeros(2)}, r"`norms` should have shape \(3,\)"),
        (
            {"images": np.zeros((3, 8)), "outside": np.zeros((3, 8))},
            "`images` should be",
        ),
    )
    def test_other_shapes_are_refused_by_name(self, changes, message):
        path = self.write(**changes)
        with self.assertRaisesRegex(
            ValueError, f"off_local.npz holds no.*{message}.*Measure them again"
        ):
            off_local_figure.read(path)

    @parameterized.parameters(b"", b"PK\x03\x04 part", b"text")
    def test_a_part_of_a_file_is_refused_by_name(self, content):
        path = self.write()
        path.write_bytes(content)
        with self.assertRaisesRegex(ValueError, "off_local.npz holds no off-l"):
            off_local_figure.read(path)

    def test_missing_file_or_entry_is_refused_by_name(self):
        path = pathlib.Path(self.create_tempdir().full_path, "none.npz")
        with self.assertRaisesRegex(ValueError, "none.npz holds no"):
            off_local_figure.read(path)
        np.savez(path, layer="conv")
        with self.assertRaisesRegex(ValueError, "none.npz holds no.*units"):
            off_local_figure.read(path)


if __name__ == "__main__":
    absltest.main()
