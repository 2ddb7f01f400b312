"""Tests of settings and values as they are typed."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import sweep_values


def values(text, flag="--sweep"):
    name, found = sweep_values.axis(text, flag)
    return name, [value.value for value in found]


class AxisTest(parameterized.TestCase):
    @parameterized.parameters(
        ("learning_rate=0.1,3^-2", "learning_rate", [0.1, 3.0**-2]),
        ("seed=0, 1,2", "seed", [0, 1, 2]),
        ("flip=true,False", "flip", [True, False]),
        ("optimizer=sgd,layca", "optimizer", ["sgd", "layca"]),
        ("alpha=-0.1,0", "alpha", [-0.1, 0.0]),
        ("drop_epochs=90+95,", "drop_epochs", [[90, 95], []]),
        ("l2_skips=logits+conv*", "l2_skips", [["logits", "conv*"]]),
        ("image_size=16,20+24", "image_size", [16, [20, 24]]),
        ("unit_scale_spread=1,10", "unit_scale_spread", [1.0, 10.0]),
        ("skeleton_start=true", "skeleton_start", [True]),
        ("skeleton=ones,index", "skeleton", ["ones", "index"]),
        ("decay_per_epoch=0.9", "decay_per_epoch", [0.9]),
        ("inner_optimizer=adam", "inner_optimizer", ["adam"]),
    )
    def test_values_are_of_the_type_of_their_setting(self, text, name, found):
        self.assertEqual(values(text), (name, found))

    def test_texts_are_kept(self):
        _, (value,) = sweep_values.axis("learning_rate=3^-2.5", "--sweep")
        self.assertEqual(value.text, "3^-2.5")

    @parameterized.parameters(
        ("learning_rate", r"--sweep must set something.*'learning_rate'"),
        ("=3", r"--sweep must set something: setting=value"),
        ("learning_rat=3", r"Received: 'learning_rat'. Did.*'learning_rate'"),
        (
            "relax_epoch=3",
            r"must set a setting of the runs, a flag of needle_tf.train",
        ),
        ("seed=a", r"--sweep=seed=... must be whole numbers. Received: 'a'"),
        ("seed=1.5", r"must be whole numbers. Received: '1.5'"),
        ("flip=1", r"must be true or false. Received: '1'"),
        ("learning_rate=3^", r"must be a number, as 0.1 or 3\^-2. Rec.*'3\^'"),
        ("drop_epochs=a", r"must be whole numbers. Received: 'a'"),
    )
    def test_mistake_is_named(self, text, message):
        with self.assertRaisesRegex(ValueError, message):
            values(text)

    def test_axis_may_be_given_once(self):
        self.assertEqual(
            list(sweep_values.axes(["seed=1", "l2=0"])), ["seed", "l2"]
        )
        with self.assertRaisesRegex(
            ValueError, "--sweep=seed=... is given twice. Put all values"
        ):
            sweep_values.axes(["seed=1", "seed=2"])

    def test_fields_and_options_are_told_apart(self):
        fields, options = sweep_values.split({"seed": 1, "momentum": 0.5})
        self.assertEqual(fields, {"seed": 1})
        self.assertEqual(options, {"momentum": 0.5})


if __name__ == "__main__":
    absltest.main()
