"""Tests of the table of a scale graph."""

from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from needle_tf.scales import scale_groups
from tests.scales import scale_networks


def printed(model):
    """What `summary` prints of the scale graph of a model."""
    lines = []
    scale_groups.scale_graph(model).summary(lines.append)
    return "\n".join(lines)


class SummaryTest(parameterized.TestCase):
    def test_table_tells_weights_counts_and_reasons(self):
        model = scale_networks.chain(
            layers.Conv2D(16, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(12, activation="tanh", name="hidden"),
            layers.Dense(2, name="logits"),
            shape=(5, 5, 1),
        )
        input_name = model.inputs[0].name
        self.assertEqual(
            printed(model),
            f"""\
layer   weight  shape     edges  from        to
conv    kernel  3x3x1x16    144  ground      16 of conv
conv    bias    16           16  ground      16 of conv
hidden  kernel  144x12    1,728  16 of conv  ground

m                1,926  weights that train
H                   16  groups: scales that change nothing
m - H            1,910  basis paths
paths           17,318  from ground to ground

Ground:
  input of the model: {input_name}
  its activation tanh is not positively homogeneous: hidden
  output of the model: logits

Weights that no scale touches:
  it leads from ground to ground: hidden/bias, logits/kernel, logits/bias""",
        )

    def test_model_without_a_scale_says_so(self):
        text = printed(scale_networks.chain(layers.Dense(2), shape=(3,)))
        self.assertIn("No group: no unit of this model can be rescaled", text)

    def test_mixed_ends_are_told_apart(self):
        text = printed(scale_networks.NETWORKS["concatenated"].build())
        self.assertRegex(text, r"3 of conv2d\w* \+ 2 of conv2d\w* \+ ground")

    def test_padding_of_an_untied_layer_is_no_ground(self):
        text = printed(scale_networks.NETWORKS["bands_and_fields"].build())
        self.assertRegex(
            text, r"kernel +6x8x2 +60  12 of masked_dense\w* +12 of"
        )

    def test_large_numbers_are_rounded(self):
        model = scale_networks.chain(
            *[layers.Dense(99, "relu", use_bias=False) for _ in range(8)],
            layers.Dense(1, use_bias=False),
            shape=(1,),
        )
        self.assertIn("paths           9.2e15  from", printed(model))

    def test_many_places_of_one_reason_are_counted(self):
        steps = [
            layers.Dense(2, activation="tanh", name=f"dense_{number}")
            for number in range(6)
        ]
        text = printed(scale_networks.chain(*steps, shape=(3,)))
        self.assertIn(
            "dense_0, dense_1, dense_2, dense_3, ... (6 in all)", text
        )


if __name__ == "__main__":
    absltest.main()
