"""Tests of arrays as text."""

import json

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from needle_tf.scales import packed_arrays

ARRAYS = arrays.arrays(
    st.sampled_from(["int32", "int64"]),
    arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
)


class PackTest(parameterized.TestCase):
    @hypothesis.given(ARRAYS)
    def test_integers_come_back_through_json(self, array):
        text = json.dumps(packed_arrays.pack(array))
        back = packed_arrays.unpack(json.loads(text))
        self.assertEqual(back.dtype, array.dtype)
        np.testing.assert_array_equal(back, array)

    def test_runs_of_numbers_are_short(self):
        text = json.dumps(packed_arrays.pack(np.arange(100_000)))
        self.assertLess(len(text), 3000)

    @hypothesis.given(st.lists(st.sampled_from(["a", "b", ""])))
    def test_words_come_back_through_json(self, words):
        text = json.dumps(packed_arrays.pack_words(words))
        self.assertEqual(
            packed_arrays.unpack_words(json.loads(text)), tuple(words)
        )

    def test_repeated_words_are_counted(self):
        packed = packed_arrays.pack_words(["conv"] * 3 + ["dense"])
        self.assertEqual(packed, [["conv", 3], ["dense", 1]])


if __name__ == "__main__":
    absltest.main()
