"""Tests of Layca in saved models: a fresh process goes on as if nothing was."""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import layca
from tests import fresh_process
from tests.optimizers import small_runs

SCRIPT = """
import needle_tf
from tests.optimizers import layca_saving_test
layca_saving_test.go_on("model.keras", "found.npz")
"""
CASES = {
    "momentum": lambda: layca.Layca(
        keras.optimizers.SGD(momentum=0.9), 0.1, others="inner"
    ),
    "units": lambda: layca.Layca(
        keras.optimizers.Nadam(), 0.1, granularity="unit", alpha=-0.3
    ),
    "replay": lambda: layca.Layca(
        keras.optimizers.Adam(gradient_accumulation_steps=2),
        angles=small_runs.normal(0, (4, 3)) ** 2 / 10,
    ),
}


def go_on(model_file, result_file):
    """Trains a saved model on, and writes all that it then consists of."""
    model = keras.models.load_model(model_file)
    np.savez(result_file, *everything(small_runs.fit(model, epochs=2)))


def everything(model):
    """Returns weights and optimizer variables as arrays."""
    variables = model.variables + model.optimizer.variables
    return [small_runs.array(variable) for variable in variables]


class SavingTest(parameterized.TestCase):
    @parameterized.named_parameters(CASES.items())
    def test_fresh_process_goes_on_to_the_same_bits(self, make_optimizer):
        folder = pathlib.Path(self.create_tempdir().full_path)
        model = small_runs.compiled(small_runs.network(), make_optimizer())
        small_runs.fit(model, epochs=2)
        model.save(folder / "model.keras")
        small_runs.fit(model, epochs=2)
        fresh_process.run(SCRIPT, folder)
        found = np.load(folder / "found.npz")
        expected = everything(model)
        self.assertLen(found.files, len(expected))
        for name, values in zip(found.files, expected, strict=True):
            np.testing.assert_array_equal(found[name], values)

    def test_slots_of_the_inner_optimizer_are_saved_once(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        sizes = []
        for optimizer in (
            keras.optimizers.SGD(momentum=0.9),
            CASES["momentum"](),
        ):
            numbers = keras.Input((100,))
            model = keras.Model(numbers, keras.layers.Dense(500)(numbers))
            model.compile(optimizer, "mse")
            optimizer.build(model.trainable_variables)
            model.save(folder / "model.keras")
            sizes.append((folder / "model.keras").stat().st_size)
        # Once more would be 200 kB.
        self.assertLess(sizes[1] - sizes[0], 20_000)

    def test_other_number_of_variables_is_refused(self):
        optimizer = CASES["momentum"]()
        optimizer.build([small_runs.kernel()])
        with self.assertRaisesRegex(
            ValueError, r"saved Layca must have 3 variables.*Received: 1\."
        ):
            optimizer.load_own_variables({"0": np.zeros(())})


if __name__ == "__main__":
    absltest.main()
