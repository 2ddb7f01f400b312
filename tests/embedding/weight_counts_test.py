"""Tests of counts of weights, against models that are really embedded."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.embedding import convert
from needle_tf.embedding import weight_counts


def cnn(data_format="channels_last"):
    """A CNN with all that changes the size of its dense twin."""
    layers = keras.layers
    axis = -1 if data_format == "channels_last" else 1
    shape = (9, 7, 2) if axis == -1 else (2, 9, 7)
    own = {"data_format": data_format}
    inner = keras.Sequential(
        [
            keras.Input((4, 4, 4) if axis == -1 else (4, 4, 4)),
            layers.Conv2D(4, 3, padding="same", name="within", **own),
        ],
        name="inner",
    )
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.ZeroPadding2D(((1, 0), (2, 1)), name="pad", **own),
            layers.Conv2D(4, 3, strides=2, name="conv", **own),
            layers.BatchNormalization(axis=axis, name="norm"),
            inner,
            layers.SeparableConv2D(6, 2, name="separable", **own),
            layers.DepthwiseConv2D(2, use_bias=False, name="depthwise", **own),
            layers.Conv2D(4, 1, groups=2, name="grouped", **own),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


class WeightCountsTest(parameterized.TestCase):
    @parameterized.product(
        space=("fcn", "lcn"),
        layers=(None, ["conv"], ["separable", "grouped"], ["inner/within"]),
        data_format=("channels_last", "channels_first"),
    )
    def test_counts_are_those_of_the_embedded_model(
        self, space, layers, data_format
    ):
        model = cnn(data_format)
        embedded = convert.embed(model, space, layers=layers)
        self.assertEqual(
            weight_counts.count_embedded(model, space, layers),
            embedded.count_params(),
        )

    def test_band_is_stored_as_all_weights(self):
        model = cnn()
        embedded = convert.embed(model, "band", radius=1)
        self.assertEqual(
            weight_counts.count_embedded(model), embedded.count_params()
        )

    def test_what_cannot_be_embedded_is_named(self):
        with self.assertRaisesRegex(ValueError, '"nowhere", which is no layer'):
            weight_counts.count_embedded(cnn(), layers=["nowhere"])


if __name__ == "__main__":
    absltest.main()
