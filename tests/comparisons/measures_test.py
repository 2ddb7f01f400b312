"""Tests of the analyses that the binary makes: given and found as by hand."""

import json
import struct

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.analysis import ablation
from needle_tf.analysis import curvature
from needle_tf.analysis import elastic_band
from needle_tf.analysis import elastic_string
from needle_tf.analysis import evaluation
from needle_tf.analysis import interpolation
from needle_tf.analysis import locality
from needle_tf.analysis import noise_threshold
from needle_tf.analysis import off_local
from needle_tf.analysis import trained_path
from needle_tf.comparisons import measures as measures_lib
from needle_tf.data import batches
from needle_tf.figures import off_local_figure
from tests import compare_case
from tests.analysis import relaxed_networks
from tests.protocol import tiny_runs
from tests.reports import analysis_results


class ArraysTest(parameterized.TestCase):
    def test_images_are_those_that_networks_are_tested_on(self):
        data = tiny_runs.noise((5, 4, 3))
        images, labels = measures_lib.arrays(data, "test")
        ((expected, classes),) = batches.test_batches(data, batch_size=9)
        np.testing.assert_allclose(images, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(labels, classes)

    def test_only_the_first_ones_are_taken(self):
        data = tiny_runs.noise((5, 4, 3))
        images, labels = measures_lib.arrays(data, "train", 3)
        self.assertEqual(images.shape, (3, 5, 4, 3))
        self.assertEqual(images.dtype, "float32")
        np.testing.assert_array_equal(labels, data.train_labels[:3])
        everything, _ = measures_lib.arrays(data, "train")
        np.testing.assert_array_equal(everything[:3], images)


class RowsTest(parameterized.TestCase):
    def found(self, second, names):
        first = relaxed_networks.unchanged()
        networks = measures_lib.Networks(first, second, names)
        settings = {"units": None, "positions": None, "count": 2, "layer": None}
        return measures_lib.measure("off_local", networks, None, settings)

    def test_a_cnn_is_a_reference_without_a_row(self):
        finding = self.found(relaxed_networks.cnn(), ("eFCN", "CNN"))
        self.assertEqual(list(finding.pictures), ["eFCN - CNN", "eFCN"])
        difference, own = finding.pictures.values()
        self.assertEqual(difference.units, own.units)
        np.testing.assert_array_equal(difference.outside, own.outside)
        self.assertGreater(abs(difference.images - own.images).max(), 0.01)

    def test_a_relaxed_network_has_a_row_of_its_own(self):
        second = relaxed_networks.relaxed(noise=0.1)
        finding = self.found(second, ("one", "two"))
        difference, one, two = finding.pictures.values()
        self.assertEqual(list(finding.pictures), ["one - two", "one", "two"])
        self.assertEqual(two.units, one.units)
        np.testing.assert_allclose(
            difference.images, one.images - two.images, atol=1e-6
        )
        self.assertEqual(
            finding.result["units"], [list(unit) for unit in one.units]
        )

    def test_one_network_is_its_own_row(self):
        finding = self.found(None, ("one",))
        self.assertEqual(list(finding.pictures), ["one"])
        self.assertLen(finding.result["units"], 2)


class PathsTest(compare_case.CompareCase):
    def test_interpolation_is_that_of_the_library(self):
        spy, content = self.measured(
            interpolation.interpolate,
            "--mode=interpolation",
            compare_case.EFCN,
            "--second=cnn",
            "--path=outputs",
            "--points=3",
            compare_case.IMAGES,
        )
        self.assertEqual(spy.others, ("outputs",))
        settings = {
            "points": 3,
            "recompute_batch_statistics": True,
            "batch_size": 500,
        }
        parts = {"train": "train", "test": "test"}
        self.assert_given(spy, ["efcn_relax1", "cnn"], parts, settings)
        self.assert_found(spy, content)
        self.assertEqual(
            (content["kind"], content["first"], content["second"]),
            ("interpolation", "efcn_relax1@2", "cnn@2"),
        )
        self.assertEqual(
            content["settings"], settings | {"path": "outputs", "images": 24}
        )

    @parameterized.parameters(
        ("string", elastic_string.train_string, None),
        (
            "band",
            elastic_band.train_band,
            compare_case.Found(analysis_results.path()),
        ),
    )
    def test_trained_path_is_that_of_the_library(self, mode, train, found):
        spy, content = self.measured(
            train,
            f"--mode={mode}",
            compare_case.EFCN,
            "--second=fcn@2",
            "--points=3",
            "--epochs=1",
            "--learning_rate=0.01",
            "--batch_size=12",
            "--norecompute_batch_statistics",
            compare_case.IMAGES,
            found=found,
        )
        expected = trained_path.ChainSettings(
            points=3, epochs=1, learning_rate=0.01, batch_size=12
        )
        self.assertEqual(spy.others, (expected,))
        self.assert_given(
            spy,
            ["efcn_relax1", "fcn"],
            {"train": "train", "test": "test"},
            {"between": 0, "recompute_batch_statistics": False},
        )
        self.assert_found(spy, content)


class RelaxedTest(compare_case.CompareCase):
    def test_ablation_is_that_of_the_library(self):
        spy, content = self.measured(
            ablation.ablate,
            "--mode=ablation",
            compare_case.EFCN,
            "--variants=local_only,noise",
            "--noper_layer",
            "--seeds=5",
            compare_case.IMAGES,
        )
        self.assert_given(
            spy,
            ["efcn_relax1"],
            {"data": "test"},
            {
                "variants": ["local_only", "noise"],
                "per_layer": False,
                "seeds": [5],
                "batch_size": 500,
            },
        )
        self.assert_found(spy, content)
        self.assertIsNone(content["second"])

    def test_locality_is_that_of_the_library(self):
        spy, content = self.measured(
            locality.locality, "--mode=locality", compare_case.EFCN
        )
        self.assertLen(spy.networks, 1)
        self.assertEqual(spy.settings, {})
        self.assert_found(spy, content)

    def test_curvature_is_that_of_the_library(self):
        spy, content = self.measured(
            curvature.curvature,
            "--mode=curvature",
            "--first=cnn",
            "--count=2",
            "--max_products=3",
            compare_case.IMAGES,
        )
        self.assert_given(
            spy,
            ["cnn"],
            {"data": "train"},
            {
                "spaces": ["all"],
                "layers": [],
                "count": 2,
                "max_products": 3,
                "order": "largest",
                "tolerance": 1e-3,
                "basis_size": None,
                "seed": 0,
            },
        )
        self.assert_found(spy, content)

    def test_threshold_has_the_level_of_the_second_network(self):
        spy, content = self.measured(
            noise_threshold.noise_threshold,
            "--mode=threshold",
            compare_case.EFCN,
            "--second=fcn",
            "--distances=0,0.5",
            "--seeds=1",
            "--measured_on=train",
            compare_case.IMAGES,
        )
        self.assert_given(
            spy,
            ["efcn_relax1"],
            {"data": "train"},
            {"distances": [0, 0.5], "seeds": [1], "part": "off_local"},
        )
        level = content["result"].pop("level")
        threshold = content["result"].pop("threshold")
        self.assert_found(spy, content)
        figures = evaluation.Evaluator(compare_case.network("fcn")).evaluate(
            compare_case.images("train")
        )
        self.assertEqual(level["network"], "fcn@2")
        self.assertAlmostEqual(level["accuracy"], figures.accuracy)
        self.assertEqual(threshold, spy.found.threshold(figures.accuracy))


class OffLocalTest(compare_case.CompareCase):
    def test_differences_are_of_the_units_of_the_first(self):
        outcome = self.called(
            f"--run_dir={self.run_dir}",
            "--mode=off_local",
            compare_case.EFCN,
            "--second=fcn",
            "--count=3",
        )
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        efcn, fcn = (
            compare_case.network("efcn_relax1"),
            compare_case.network("fcn"),
        )
        units = off_local.off_local(efcn, count=3).units
        expected = off_local.off_local(efcn, units=units, reference=fcn)
        (file,) = self.out_dir.glob("*.json")
        self.assertEqual(
            json.loads(file.read_text())["result"],
            json.loads(expected.to_json()),
        )
        found = off_local_figure.read(file.with_suffix(".npz"))
        np.testing.assert_array_equal(found.images, expected.images)
        self.assertIn(str(file.with_suffix(".npz")), outcome.out)
        self.assert_picture_in_tensorboard(file.stem)

    def assert_picture_in_tensorboard(self, name):
        (events,) = (self.out_dir / "tensorboard").rglob("events.*")
        images = [
            (value.tag, value.tensor.string_val[2])
            for record in tf.data.TFRecordDataset(str(events))
            for value in tf.compat.v1.Event.FromString(
                record.numpy()
            ).summary.value
        ]
        ((tag, png),) = images
        self.assertEqual(tag, name)
        width, height = struct.unpack(">II", png[16:24])
        self.assertEqual(width, 750)
        self.assertLess(height, 750)

    def test_one_network_at_positions(self):
        _, content = self.measured(
            off_local.off_local,
            "--mode=off_local",
            compare_case.EFCN,
            "--positions=0:0,3:2",
            "--layer=conv_1",
        )
        expected = off_local.off_local(
            compare_case.network("efcn_relax1"),
            positions=[(0, 0), (3, 2)],
            layer="conv_1",
        )
        self.assertEqual(content["result"], json.loads(expected.to_json()))


if __name__ == "__main__":
    absltest.main()
