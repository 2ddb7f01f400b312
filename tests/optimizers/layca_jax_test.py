"""Tests on two backends: JAX turns the same network by the same steps.

Both run `computed`; the other process has JAX, and no TensorFlow.
"""

import pathlib

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import rotation
from needle_tf.optimizers import layca
from needle_tf.optimizers import schedules
from needle_tf.optimizers import study_sgd
from tests import fresh_process
from tests.optimizers import small_runs

SCRIPT = """
import keras
import numpy as np
from tests.optimizers import layca_jax_test
assert keras.backend.backend() == "jax"
np.savez("found.npz", **layca_jax_test.computed())
"""
RATE = schedules.WarmUp(
    schedules.StepDrops(0.1, boundaries=[3], factor=0.2), warmup_steps=2
)
CASES = {
    "sgd": lambda: layca.Layca(
        keras.optimizers.SGD(0.1, momentum=0.9), RATE, others="inner"
    ),
    "nadam": lambda: layca.Layca(
        keras.optimizers.Nadam(), 0.1, granularity="unit"
    ),
    "accumulated": lambda: layca.Layca(
        keras.optimizers.Adam(gradient_accumulation_steps=2),
        angles=small_runs.normal(0, (2, 3)) ** 2 / 10,
    ),
    "lars": lambda: study_sgd.LarsSGD(0.1, growth=0.01),
    "effective": lambda: study_sgd.EffectiveRateSGD(1e-3, momentum=0.5),
}


def computed():
    """Returns arrays by name: what the current backend makes of it."""
    found = {}
    for name, make_optimizer in CASES.items():
        model = small_runs.compiled(small_runs.network(), make_optimizer())
        small_runs.fit(model, epochs=2, batch_size=8)
        for place, variable in enumerate(model.trainable_variables):
            found[f"{name}_{place}"] = small_runs.array(variable)
        found[f"{name}_steps"] = np.asarray(model.optimizer.iterations)
    weight, step = (small_runs.normal(i, (20, 30)) for i in range(2))
    for scale in (1e-25, 1.0, np.nan):
        found[f"turned_{scale}"] = small_runs.array(
            rotation.turned(weight, (scale * step).astype("float32"), 0.1)
        )
    end = weight + 1e-5 * step
    found["angle"] = np.asarray(rotation.angle(weight, end))
    return found


class JaxBackendTest(parameterized.TestCase):
    def test_jax_trains_to_the_same_numbers(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        fresh_process.run(SCRIPT, folder, backend="jax")
        found = np.load(folder / "found.npz")
        expected = computed()
        self.assertCountEqual(found, expected)
        for name, values in expected.items():
            with self.subTest(name):
                np.testing.assert_allclose(found[name], values, 1e-3, 1e-4)


if __name__ == "__main__":
    absltest.main()
