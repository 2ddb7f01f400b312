"""Tests of the configuration of training runs under EC-Opt, and their start."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import training_config

Config = training_config.TrainingConfig
RATE = {"learning_rate": 0.1}
REFUSED = (
    (
        "ec_l2",
        {"optimizer": "ec_sgd", "l2": 1e-3},
        r"--l2=0.001 is not possible with --optimizer=ec_sgd.*--weight_decay",
    ),
    (
        "ec_spread",
        {"optimizer": "ec_adam", "unit_scale_spread": 10},
        r"--unit_scale_spread would be undone.*=10.0, --skeleton=ones. Set --s",
    ),
    (
        "ec_start",
        {"optimizer": "ec_sgd", "skeleton_start": True}
        | {"optimizer_options": {"skeleton": "max_product"}},
        r"--skeleton_start sets.*Received: --skeleton=max_product. Leave one",
    ),
    (
        "ec_clip",
        {"optimizer": "ec_sgd", "optimizer_options": {"clipnorm": 1}},
        r"ec_sgd does not read `clipnorm`",
    ),
)


class EcOptTest(parameterized.TestCase):
    @parameterized.named_parameters(*REFUSED)
    def test_mistake_is_refused_by_the_names_of_the_flags(self, given, message):
        with self.assertRaisesRegex(ValueError, message):
            Config(**(RATE | given))

    def skeleton(self, **given):
        config = Config(**(RATE | {"optimizer": "ec_sgd"} | given))
        self.assertEqual(Config.from_json(config.to_json()), config)
        return config.optimizer_options.get("skeleton")

    def test_network_that_starts_at_one_is_not_set_to_1_again(self):
        self.assertIsNone(self.skeleton())
        for options in ({}, {"skeleton": "ones"}, {"skeleton": "index"}):
            found = self.skeleton(
                skeleton_start=True, optimizer_options=options
            )
            self.assertEqual(found, "index")
        self.assertEqual(
            self.skeleton(skeleton_start=True, unit_scale_spread=10), "index"
        )

    def test_other_optimizers_start_at_one_without_a_skeleton(self):
        config = Config(**RATE, skeleton_start=True, unit_scale_spread=10)
        self.assertEqual(config.optimizer_options, {})

    def test_weights_in_a_file_stay(self):
        file = {"model_file": "mine.keras"}
        self.assertEqual(self.skeleton(**file), "max_product")
        self.assertEqual(self.skeleton(**file, skeleton_start=True), "index")
        self.assertEqual(
            self.skeleton(**file, optimizer_options={"skeleton": "ones"}),
            "ones",
        )

    @parameterized.parameters("index", "max_product")
    def test_rescaled_network_is_stepped_on_as_it_is(self, policy):
        found = self.skeleton(
            unit_scale_spread=10, optimizer_options={"skeleton": policy}
        )
        self.assertEqual(found, policy)

    def test_decay_takes_the_place_of_the_drops_of_a_task(self):
        config = Config(task="c10_cnn1", decay_per_epoch=0.99)
        self.assertEqual(config.drop_epochs, ())
        self.assertIsNone(config.drop_factor)
        self.assertEqual(Config.from_json(config.to_json()), config)


if __name__ == "__main__":
    absltest.main()
