"""Tests of adoption: same values always, same memory where it can be."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.ops import adoption


def address(tensor):
    """Where a TensorFlow tensor on the host keeps its values."""
    return np.asarray(memoryview(tensor)).ctypes.data


def aligned(values, dtype="float32"):
    array = adoption.aligned_zeros(np.shape(values), dtype)
    array[...] = values
    return array


def read_only(values):
    array = aligned(values)
    array.setflags(write=False)
    return array


class AlignedZerosTest(parameterized.TestCase):
    @parameterized.product(
        shape=((), (1,), (3, 5), (1, 2, 3, 4)),
        dtype=("float32", "float64", "int8", np.dtype("float16")),
    )
    def test_zeros_have_shape_dtype_and_alignment(self, shape, dtype):
        zeros = adoption.aligned_zeros(shape, dtype)
        self.assertEqual(zeros.shape, shape)
        self.assertEqual(zeros.dtype, np.dtype(dtype))
        np.testing.assert_array_equal(zeros, np.zeros(shape))
        self.assertEqual(zeros.ctypes.data % adoption.ALIGNMENT, 0)
        self.assertTrue(zeros.flags.c_contiguous)
        self.assertTrue(zeros.flags.writeable)


class AdoptTest(parameterized.TestCase):
    @parameterized.parameters("float32", "float64", "float16")
    def test_memory_is_taken_over(self, dtype):
        array = aligned([[1, 2, 3], [4, 5, 6]], dtype)
        where = array.ctypes.data
        tensor = adoption.adopt(array)
        self.assertEqual(keras.backend.standardize_dtype(tensor.dtype), dtype)
        np.testing.assert_array_equal(tensor, [[1, 2, 3], [4, 5, 6]])
        self.assertEqual(address(tensor), where)

    def test_memory_lives_as_long_as_the_tensor(self):
        values = np.arange(1 << 16)
        tensor = adoption.adopt(aligned(values))
        rubbish = [aligned(np.full(1 << 16, n)) for n in range(8)]
        np.testing.assert_array_equal(tensor, values)
        self.assertLen(rubbish, 8)

    def test_variable_begins_in_the_adopted_memory(self):
        array = aligned(np.ones(8))
        where = array.ctypes.data
        variable = keras.Variable(
            lambda shape, dtype: adoption.adopt(array), (8,)
        )
        self.assertEqual(address(variable.value.read_value()), where)
        variable.assign_add(np.ones(8, "float32"))
        np.testing.assert_array_equal(variable.value.numpy(), np.full(8, 2))

    @parameterized.named_parameters(
        ("another_dtype", lambda: (aligned(np.arange(6), "int64"), "float32")),
        ("misaligned", lambda: (aligned(np.arange(7))[1:], None)),
        ("not_contiguous", lambda: (aligned(np.arange(12))[::2], None)),
        ("read_only", lambda: (read_only(np.arange(6)), None)),
    )
    def test_what_cannot_be_taken_over_is_copied(self, make):
        array, dtype = make()
        expected = array.astype("float32")
        tensor = adoption.adopt(array, dtype)
        self.assertEqual(
            keras.backend.standardize_dtype(tensor.dtype),
            dtype or array.dtype.name,
        )
        np.testing.assert_array_equal(tf.cast(tensor, "float32"), expected)
        self.assertNotEqual(address(tensor), array.ctypes.data)

    def test_bfloat16_which_numpy_cannot_hand_over_is_copied(self):
        array = aligned(np.arange(6), tf.bfloat16.as_numpy_dtype)
        tensor = adoption.adopt(array)
        array[...] = 0
        self.assertEqual(tensor.dtype, tf.bfloat16)
        np.testing.assert_array_equal(
            tf.cast(tensor, "float32"), [0, 1, 2, 3, 4, 5]
        )


class SettleTest(absltest.TestCase):
    def test_update_of_a_settled_variable_needs_no_copy(self):
        values = np.arange(4096, dtype="float32").reshape(64, 64)
        variable = keras.Variable(
            lambda shape, dtype: adoption.adopt(aligned(values)),
            shape=values.shape,
            dtype="float32",
        )
        first = address(variable.value.read_value())
        adoption.settle(variable)
        settled = address(variable.value.read_value())
        self.assertNotEqual(settled, first)
        np.testing.assert_array_equal(variable, values)
        variable.value.assign_sub(tf.ones((64, 64)))
        self.assertEqual(address(variable.value.read_value()), settled)
        np.testing.assert_array_equal(variable, values - 1)


if __name__ == "__main__":
    absltest.main()
