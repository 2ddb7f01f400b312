"""Tests of variables named by object or by path."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import chosen_variables


def model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((3,)),
            *(layers.Dense(3, name=f"dense_{i}") for i in range(12)),
            layers.BatchNormalization(name="normal"),
        ],
        name="net",
    )


class KeysTest(parameterized.TestCase):
    @parameterized.parameters("a", keras.layers.Dense(2))
    def test_one_key_alone_is_refused(self, key):
        with self.assertRaisesRegex(ValueError, "`what` must be a list.*brack"):
            chosen_variables.read_keys(key, "what")

    @parameterized.parameters(1, "(", None, (np.zeros(3),))
    def test_what_is_no_key_is_refused(self, key):
        with self.assertRaisesRegex(ValueError, "`what` must hold variables"):
            chosen_variables.read_keys([key], "what")


class MatchesTest(parameterized.TestCase):
    def found(self, key):
        variables = net.trainable_variables
        places = chosen_variables.matches(key, variables, "what")
        return [variables[place].path for place in places]

    def test_layer_stands_for_its_kernels_alone(self):
        for name in ("dense_1", "dense_10"):
            self.assertEqual(
                self.found(net.get_layer(name)), [f"net/{name}/kernel"]
            )

    def test_variable_stands_for_itself(self):
        bias = net.get_layer("dense_1").bias
        self.assertEqual(self.found(bias), ["net/dense_1/bias"])

    def test_pattern_is_searched_in_paths(self):
        self.assertEqual(self.found("dense_1/"), self.found("dense_1/(k|b)"))
        self.assertLen(self.found("dense_1"), 6)
        self.assertLen(self.found("kernel$"), 12)

    def test_name_that_finds_nothing_lists_the_paths(self):
        normal = net.get_layer("normal")
        for key, said in (
            ("nowhere", "'nowhere'"),
            (normal, "the layer normal"),
            (normal.moving_mean, "the variable net/normal/moving_mean"),
        ):
            with self.assertRaisesRegex(
                ValueError,
                rf"`what` names what is not there\. Received: {said}\. The "
                r"variables are: net/dense_0/kernel, net/dense_0/bias, ",
            ):
                self.found(key)

    def test_patterns_of_objects_find_them_again(self):
        layer = net.get_layer("dense_1")
        for key in (layer, layer.bias, "dense_1./bias"):
            expected = self.found(key)
            patterns = chosen_variables.as_patterns(key)
            self.assertEqual(
                [path for p in patterns for path in self.found(p)], expected
            )


net = model()

if __name__ == "__main__":
    absltest.main()
