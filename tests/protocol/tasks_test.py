"""Tests of the tasks against the published table, written out once more."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.models import registry as model_registry
from needle_tf.protocol import tasks
from needle_tf.protocol import training_config

# Published: data, network, epochs, drops and factor, (accuracy, epoch), loss.
TABLE = {
    "mnist_mlp": ("mnist", "mnist_mlp", 100, (90,), 0.2, (0, None), 0),
    "c10_cnn1": ("cifar10", "c10_cnn1", 100, (80, 90, 97), 0.2, (0.2, 7), 1e-4),
    "c100_resnet": (
        *("cifar100", "resnet32", 100),
        *((70, 90, 97), 0.1, (0.1, 7), 1e-3),
    ),
    "tiny_cnn": ("tiny_imagenet", "tiny_cnn", 80, (70,), 0.2, (0.2, 10), 1e-3),
    "c10_cnn2": (
        *("cifar10", "c10_cnn2", 250),
        *((100, 170, 220), 0.2, (0, None), 0),
    ),
    "c100_wrn": (
        *("cifar100", "wrn_28_10", 250),
        *((100, 170, 220), 0.2, (0, None), 0),
    ),
    "c10_resnet": (
        *("cifar10", "resnet110", 200),
        *((60, 120, 160), 0.2, (0.2, 60), 0),
    ),
}
AUGMENTED = ("c10_cnn2", "c100_wrn", "c10_resnet")
# Published: the rate of each recipe as 1 over a power of 3, or as a number.
RATES = {
    "sgd": {"c100_wrn": 2, "else": 1},
    "sgd_l2": {"c10_cnn2": 0.5, "c100_wrn": 0.1, "else": 1},
    "adaptive": {
        "c10_cnn1": 6,
        "c100_resnet": 5,
        "tiny_cnn": 4,
        "c10_cnn2": 3e-4,
        "c100_wrn": 3e-4,
    },
    "layca": {"mnist_mlp": 2, "else": 3},
    "rmsprop_layca": {"else": 3},
    "adagrad_layca": {"else": 3},
    "adam_layca": {"else": 5},
    "sgd_amom_layca": {"else": 5},
    "normalized": {"tiny_cnn": 1, "c10_cnn2": 1, "else": 2},
}
ADAPTIVE = {
    "c10_cnn1": "rmsprop",
    "c100_resnet": "adam",
    "tiny_cnn": "adagrad",
    "c10_cnn2": "rmsprop",
    "c100_wrn": "adam",
}
L2 = {"c10_cnn2": 5e-4, "c100_wrn": 5e-4}


def cases():
    for task in tasks.names():
        for recipe in tasks.get(task).recipes:
            yield f"{task}_{recipe}", task, recipe


class TasksTest(parameterized.TestCase):
    def test_tasks_are_the_published_ones(self):
        self.assertEqual(set(tasks.names()), set(TABLE))
        for name, row in TABLE.items():
            config = training_config.TrainingConfig(task=name)
            self.assertEqual(
                (
                    *(config.dataset, config.model, config.epochs),
                    *(config.drop_epochs, config.drop_factor),
                    (config.stop_accuracy, config.stop_accuracy_epoch),
                    config.stop_loss,
                ),
                row,
                name,
            )

    @parameterized.named_parameters((name, name) for name in TABLE)
    def test_data_are_prepared_as_published(self, name):
        config = training_config.TrainingConfig(task=name)
        is_mnist = name == "mnist_mlp"
        self.assertEqual(config.statistics, "scalar")
        self.assertEqual(config.batch_size, 2048 if is_mnist else 128)
        self.assertEqual(config.validation_fraction, 0 if is_mnist else 0.1)
        is_augmented = name in AUGMENTED
        self.assertEqual(config.flip, is_augmented)
        self.assertEqual(config.crop_padding, 4 * is_augmented)
        self.assertEqual(
            config.crop_fill, "reflect" if is_augmented else "mean"
        )
        self.assertEqual(
            config.test_at_best, name in ("c100_resnet", "tiny_cnn")
        )
        unchanged = name in ("c10_cnn1", "c100_resnet", "tiny_cnn")
        self.assertEqual(config.stop_unchanged_epochs, 3 * unchanged)

    @parameterized.named_parameters(*cases())
    def test_recipe_is_the_published_one(self, task, recipe):
        config = training_config.TrainingConfig(task=task, recipe=recipe)
        known = recipe
        if recipe == "adaptive_layca":
            known = f"{ADAPTIVE[task]}_layca"
        rate = RATES[known].get(task, RATES[known].get("else"))
        rate = 3.0**-rate if isinstance(rate, int) else rate
        self.assertEqual(config.learning_rate, rate)
        has_l2 = recipe == "sgd_l2" or (recipe == "adaptive" and task in L2)
        self.assertEqual(config.l2, L2.get(task, 1e-3) if has_l2 else 0)
        if recipe == "adaptive":
            self.assertEqual(config.optimizer, ADAPTIVE[task])
        # Momentum is 0 but for SGD on the wide network.
        has_momentum = task == "c100_wrn" and recipe in ("sgd", "sgd_l2")
        momentum = config.optimizer_options.get("momentum", 0)
        self.assertEqual(momentum, 0.9 * has_momentum)
        self.assertIn(config.model, model_registry.names())

    @parameterized.parameters(
        ("tiny_cnn", "sgd_l2", 100, (70, 90, 97), 0.2),
        ("c100_wrn", "sgd_l2", 200, (60, 120, 160), 0.2),
        ("c100_wrn", "adaptive", 200, (60, 120, 160), 0.2),
        ("c10_cnn2", "sgd_l2", 250, tuple(range(25, 250, 25)), 0.5),
        ("c10_cnn2", "adaptive", 250, tuple(range(25, 250, 25)), 0.5),
    )
    def test_some_recipes_have_a_schedule_of_their_own(
        self, task, recipe, epochs, drops, factor
    ):
        config = training_config.TrainingConfig(task=task, recipe=recipe)
        self.assertEqual(config.epochs, epochs)
        self.assertEqual(config.drop_epochs, drops)
        self.assertEqual(config.drop_factor, factor)

    def test_last_layer_of_residual_networks_is_not_regularised(self):
        for task in ("c100_resnet", "c10_resnet"):
            config = training_config.TrainingConfig(task=task, recipe="sgd_l2")
            self.assertEqual(config.l2_skips, ("logits",))

    def test_recipe_names_are_those_of_all_tasks(self):
        self.assertIn("sgd_amom_layca", tasks.recipe_names())
        self.assertEqual(tasks.recipe_names(), sorted(tasks.recipe_names()))

    @parameterized.parameters(
        (None, None, "sgd"),
        ("layca", None, "layca"),
        ("layca", "sgd", "layca"),
        ("layca", "adagrad", "adagrad_layca"),
        ("lion", None, None),
        ("layca", "muon", None),
    )
    def test_recipe_is_found_by_its_optimizer(self, name, inner, expected):
        found = tasks.matching_recipe("c10_cnn1", name, inner)
        self.assertEqual(found, expected)

    def test_unknown_names_are_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(
            ValueError, r"one of c100_resnet, .*--task=mnist. .*'mnist_mlp'"
        ):
            tasks.get("mnist")
        with self.assertRaisesRegex(
            ValueError, "c10_resnet has no recipe adaptive.*: sgd, sgd_l2, lay"
        ):
            tasks.recipe("c10_resnet", "adaptive")


if __name__ == "__main__":
    absltest.main()
