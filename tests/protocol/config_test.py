"""Tests of the configuration: defaults, refusals, the way through JSON."""

import dataclasses
import json

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.protocol import config as config_lib
from tests.protocol import light_process

# One value per field that is not its default, and what else it needs.
OTHER_VALUES = {
    "dataset": ("digits", {}),
    "train_size": (500, {}),
    "test_size": (300, {}),
    "image_size": ((20, 24), {"dataset": "mnist"}),
    "canvas_size": (20, {}),
    "clutter_pieces": (0, {}),
    "piece_size": (5, {}),
    "flip": (True, {}),
    "crop_padding": (2, {}),
    "crop_fill": ("reflect", {"crop_padding": 2}),
    "statistics": ("scalar", {}),
    "model": ("alexnet", {}),
    "model_file": ("my.keras", {}),
    "width": (0.5, {}),
    "epochs": (60, {}),
    "batch_size": (50, {}),
    "optimizer": ("adam", {}),
    "learning_rate": (
        0.01,
        {"relaxed_learning_rate": 0.1, "baseline_learning_rate": 0.1},
    ),
    "optimizer_options": ({"momentum": 0.9}, {}),
    "relax_epochs": ((0, 5, 20), {}),
    "relaxed_epochs": (30, {}),
    "relaxed_learning_rate": (0.5, {}),
    "baseline_learning_rate": (0.5, {}),
    "optimizer_slots": ("embed", {"optimizer": "adam"}),
    "space": ("band", {"radius": 1}),
    "radius": (2, {"space": "band"}),
    "relaxed_layers": (("conv_1",), {}),
    "baselines": (("elcn",), {}),
    "snapshots": ("none", {}),
    "precision": ("mixed_bfloat16", {}),
    "jit_compile": (True, {}),
    "seed": (7, {}),
    "deterministic": (True, {}),
    "steps_per_execution": (4, {}),
    "checkpoint_interval": (2, {}),
    "log_checkpoints": (0, {}),
    "distance_every_steps": (10, {}),
    "update_in_backward": (True, {}),
    "layer_rotation": (True, {}),
}
REFUSED = (
    ("no_epochs", {"epochs": 0}, r"`epochs` must be an integer >= 1.*epochs=0"),
    ("half_an_epoch", {"epochs": 1.5}, r"`epochs` must be.*epochs=1.5"),
    ("truth_as_number", {"epochs": True}, r"`epochs` must be.*epochs=True"),
    ("batch", {"batch_size": 0}, r"`batch_size` must be an integer >= 1"),
    ("rate", {"learning_rate": 0.0}, r"`learning_rate` must be.* > 0"),
    ("nan", {"learning_rate": float("nan")}, r"`learning_rate` must.*nan"),
    (
        "relaxed_rate",
        {"relaxed_learning_rate": -1},
        r"`relaxed_learning_rate` must be.* > 0. Rec.*=-1",
    ),
    (
        "baseline_rate_without_baselines",
        {"baseline_learning_rate": 0.01, "baselines": ["elcn"]},
        r"--baseline_learning_rate=0.01, --baselines=elcn. Add fcn or lcn",
    ),
    ("seed", {"seed": 2**32}, r"`seed` must be.*<= 4294967295"),
    ("negative_seed", {"seed": -1}, r"`seed` must be an integer >= 0"),
    ("interval", {"checkpoint_interval": 0}, r"`checkpoint_interval` must"),
    ("steps", {"steps_per_execution": 0}, r"`steps_per_execution` must be"),
    ("negative_relax", {"relax_epochs": [-1]}, r"`relax_epoch` must be.*>= 0"),
    (
        "update_of_no_dense_net",
        {"update_in_backward": True, "space": "lcn", "baselines": ["lcn"]},
        r"--update_in_backward would be ignored.*--space=lcn, --baselines=lcn",
    ),
    (
        "update_with_all_gradients",
        {"update_in_backward": True, "optimizer": "nadam"},
        r"--update_in_backward is not possible with --optimizer=nadam: that",
    ),
    (
        "update_with_a_norm_of_all",
        {
            "update_in_backward": True,
            "optimizer_options": {"global_clipnorm": 1.0},
        },
        r"not possible with --global_clipnorm=1.0",
    ),
    (
        "update_with_scaled_loss",
        {"update_in_backward": True, "precision": "mixed_float16"},
        r"not possible with --precision=mixed_float16",
    ),
    (
        "relax_behind_the_run",
        {"relax_epochs": [3, 41]},
        r"--relax_epoch must lie in \[0, epochs\].*--relax_epoch=41, "
        r"--epochs=40. Lower it or raise --epochs",
    ),
    (
        "relaxed_stage_without_epochs",
        {"relax_epochs": [40]},
        r"--relax_epoch=40 leaves no epoch of --epochs=40.*--relaxed_epochs",
    ),
    ("no_relax_epoch", {"relax_epochs": []}, r"At least one --relax_epoch"),
    ("relaxed_zero", {"relaxed_epochs": 0}, r"`relaxed_epochs` must be.*>= 1"),
    (
        "radius_without_band",
        {"radius": 2},
        r"--space=band and --radius belong.*--space=fcn, --radius=2",
    ),
    (
        "band_without_radius",
        {"space": "band"},
        r"--space=band and --radius belong.*--radius=None. Set both",
    ),
    ("negative_radius", {"radius": -1, "space": "band"}, r"`radius` must be"),
    ("space", {"space": "cnn"}, r"`space` must be one of fcn, lcn.*=cnn"),
    (
        "space_twice",
        {"space": "lcn", "baselines": ["elcn"]},
        "--baselines=elcn would be the relaxed net of --space=lcn once more",
    ),
    ("snapshots", {"snapshots": "some"}, r"`snapshots` must be one of all, l"),
    (
        "model_and_file",
        {"model": "alexnet", "model_file": "x.keras"},
        r"--model_file=x.keras brings its own network, so --model would be",
    ),
    (
        "width_of_a_file",
        {"width": 2, "model_file": "x.keras"},
        r"so --width would be ignored",
    ),
    (
        "precision_of_a_file",
        {"precision": "mixed_bfloat16", "model_file": "x.keras"},
        r"so --precision would be ignored",
    ),
    ("other_file", {"model_file": "x.h5"}, r"ending in .keras.*x.h5"),
    ("model", {"model": "vgg"}, r"`model` must be one of alexnet, .*vgg"),
    ("width", {"width": 0}, r"`width` must be.*> 0"),
    (
        "canvas_of_mnist",
        {"dataset": "mnist", "canvas_size": 20, "piece_size": 3},
        r"--dataset=mnist would ignore --canvas_size, --piece_size.*"
        r"It reads: .*--image_size",
    ),
    (
        "size_of_digits",
        {"dataset": "digits", "image_size": 16},
        r"--dataset=digits would ignore --image_size",
    ),
    (
        "three_sizes",
        {"dataset": "mnist", "image_size": (1, 2, 3)},
        r"`image_size` must be one integer.*\(1, 2, 3\)",
    ),
    ("optimizer", {"optimizer": "sdg"}, r"no optimizer called 'sdg'.*sgd"),
    (
        "option_not_read",
        {"optimizer": "adam", "optimizer_options": {"momentum": 0.9}},
        r"adam does not read `momentum`.*momentum=0.9.*sgd",
    ),
    (
        "option_out_of_bounds",
        {"optimizer_options": {"momentum": 1.5}},
        r"`momentum` must be.*<= 1. Received: momentum=1.5",
    ),
    (
        "no_slots_to_embed",
        {"optimizer_slots": "embed"},
        r"--optimizer_slots=embed would be ignored: sgd without --momentum",
    ),
    (
        "forgetful_optimizer",
        {"optimizer": "ftrl"},
        r"--optimizer=ftrl computes.*Set --optimizer_slots=embed",
    ),
    (
        "slots_of_other_shapes",
        {"optimizer": "muon", "optimizer_slots": "embed"},
        r"--optimizer_slots=embed is not possible with --optimizer=muon",
    ),
    (
        "determinism_without_xla",
        {"jit_compile": True, "deterministic": True},
        r"--jit_compile would be ignored with --deterministic",
    ),
    ("slots", {"optimizer_slots": "keep"}, r"`optimizer_slots` must be one of"),
    ("precision", {"precision": "float16"}, r"`precision` must be one of"),
    ("baseline", {"baselines": ["cnn"]}, r"`baselines` must be one of fcn, lc"),
    ("unnamed", {"relaxed_layers": [3]}, r"`relaxed_layers` must be names"),
    (
        "distance_between_calls",
        {"distance_every_steps": 5, "steps_per_execution": 2},
        r"--distance_every_steps must be a multiple of --steps_per_execution.*"
        r"=5, --steps_per_execution=2",
    ),
    (
        "fill_without_crop",
        {"crop_fill": "reflect"},
        r"--crop_fill=reflect would be ignored without --crop_padding",
    ),
    ("fill", {"crop_fill": "zero"}, r"`crop_fill` must be one of mean, ref"),
    ("statistics", {"statistics": "pixel"}, r"`statistics` must be one of ch"),
    (
        "slots_of_layca",
        {"optimizer": "layca", "optimizer_slots": "embed"},
        r"--optimizer_slots=embed is not possible with --optimizer=layca",
    ),
    (
        "slots_of_ec_opt",
        {"optimizer": "ec_adam", "optimizer_slots": "embed"},
        r"embed is not possible with --optimizer=ec_adam: what it keeps belongs"
        r" to the paths of the CNN.*Leave --optimizer_slots away",
    ),
    ("crop", {"crop_padding": -1}, r"`crop_padding` must be an integer >= 0"),
    ("switch", {"flip": 1}, r"`flip` must be True or False. Received: flip=1"),
)


def configs():
    """Yields each field's name and a config with another value of it."""
    for name, (value, needed) in OTHER_VALUES.items():
        yield name, config_lib.ProtocolConfig(**{name: value}, **needed)


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(*REFUSED)
    def test_mistake_is_refused_by_the_names_of_the_flags(self, given, message):
        with self.assertRaisesRegex(ValueError, message):
            config_lib.ProtocolConfig(**given)

    def test_boundary_values_are_taken(self):
        config_lib.ProtocolConfig(
            epochs=1,
            relax_epochs=[0],
            batch_size=1,
            seed=2**32 - 1,
            optimizer_options={"momentum": 1.0},
            optimizer_slots="embed",
        )
        config_lib.ProtocolConfig(
            relax_epochs=[40], relaxed_epochs=1, radius=0, space="band"
        )

    def test_unknown_field_is_refused(self):
        with self.assertRaisesRegex(TypeError, "relax_epok"):
            config_lib.ProtocolConfig(relax_epok=3)


class DefaultsTest(parameterized.TestCase):
    def test_every_field_has_a_case(self):
        fields = {f.name for f in dataclasses.fields(config_lib.ProtocolConfig)}
        self.assertEqual(OTHER_VALUES.keys(), fields)

    def test_default_is_the_run_of_the_readme(self):
        config = config_lib.ProtocolConfig()
        self.assertEqual(config.relax_epochs, (20,))
        self.assertEqual(config.baselines, ("fcn", "lcn"))
        self.assertEqual(config.model, "small_cnn")
        self.assertEqual(config.width, 1.0)
        self.assertEqual((config.train_size, config.test_size), (6000, 2000))
        self.assertEqual(config.canvas_size, 16)

    @parameterized.named_parameters(
        ("sizes", {"train_size": 6000, "canvas_size": 16}),
        ("model", {"model": "small_cnn", "width": 1}),
        ("relaxed_rate", {"relaxed_learning_rate": 0.1}),
        ("baseline_rate", {"baseline_learning_rate": 0.1}),
        ("relaxed_epochs", {"relaxed_epochs": 20}),
        ("one_relax_epoch", {"relax_epochs": 20}),
        ("relax_epoch_twice", {"relax_epochs": [20, 20]}),
        ("numpy_numbers", {"epochs": np.int64(40), "seed": np.int32(0)}),
        ("baselines_twice", {"baselines": ["fcn", "lcn", "fcn"]}),
    )
    def test_writing_a_default_out_changes_nothing(self, given):
        config = config_lib.ProtocolConfig(**given)
        default = config_lib.ProtocolConfig()
        self.assertEqual(config, default)
        self.assertEqual(config.run_name(), default.run_name())

    def test_relax_epochs_are_sorted(self):
        config = config_lib.ProtocolConfig(relax_epochs=[20, 0, 5])
        self.assertEqual(config.relax_epochs, (0, 5, 20))

    def test_other_data_sets_keep_their_own_sizes(self):
        config = config_lib.ProtocolConfig(dataset="mnist", image_size=14)
        self.assertIsNone(config.train_size)
        self.assertIsNone(config.canvas_size)
        self.assertEqual(config.image_size, (14, 14))

    def test_configuration_cannot_be_changed(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            config_lib.ProtocolConfig().epochs = 3


class JsonTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (name, name, config) for name, config in configs()
    )
    def test_json_round_trip_is_the_identity(self, name, config):
        text = json.dumps(config.to_json(), allow_nan=False)
        back = config_lib.ProtocolConfig.from_json(json.loads(text))
        self.assertEqual(back, config)
        self.assertEmpty(back.differences(config))
        self.assertEqual(back.run_name(), config.run_name())
        # The case does change its field.
        default = config_lib.ProtocolConfig()
        self.assertIn(name, config.differences(default))
        self.assertNotEqual(config.run_name(), default.run_name())

    def test_missing_field_gets_its_default_and_unknown_is_refused(self):
        fields = config_lib.ProtocolConfig().to_json()
        del fields["log_checkpoints"]
        back = config_lib.ProtocolConfig.from_json(fields)
        self.assertEqual(back, config_lib.ProtocolConfig())
        with self.assertRaisesRegex(ValueError, "no fields colour.*version"):
            config_lib.ProtocolConfig.from_json({**fields, "colour": 3})

    def test_configuration_of_another_kind_is_refused(self):
        fields = config_lib.ProtocolConfig().to_json()
        self.assertNotIn("kind", fields)
        back = config_lib.ProtocolConfig.from_json({"kind": "relax", **fields})
        self.assertEqual(back, config_lib.ProtocolConfig())
        with self.assertRaisesRegex(
            ValueError, "kind relax was expected. Received: kind training"
        ):
            config_lib.ProtocolConfig.from_json({"kind": "training"})

    def test_name_of_the_default_run_is_the_one_it_always_was(self):
        self.assertEqual(
            config_lib.ProtocolConfig().run_name(),
            "cluttered_digits_small_cnn_relax20_seed0-d79fffe9",
        )

    def test_differences_show_both_values(self):
        one = config_lib.ProtocolConfig(epochs=30)
        other = config_lib.ProtocolConfig(seed=3)
        self.assertEqual(
            one.differences(other), {"epochs": (30, 40), "seed": (0, 3)}
        )

    def test_run_name_says_what_is_run(self):
        config = config_lib.ProtocolConfig(
            dataset="mnist:3.0.1", relax_epochs=range(6), seed=4
        )
        self.assertRegex(
            config.run_name(),
            r"^mnist_3_0_1_small_cnn_relax0\+1\+2\+3\+more_seed4-[0-9a-f]{8}$",
        )


class ImportTest(absltest.TestCase):
    def test_configuration_needs_neither_keras_nor_tensorflow(self):
        code = (
            "from needle_tf.protocol import config\n"
            "from needle_tf.protocol import relax\n"
            "relax.plan_lib.stages(config.ProtocolConfig())\n"
            "heavy = {'keras', 'tensorflow', 'sklearn', 'matplotlib'}\n"
            "sys.exit(str(heavy & set(sys.modules) or ''))"
        )
        self.assertEqual(light_process.errors(code).strip(), "")


if __name__ == "__main__":
    absltest.main()
