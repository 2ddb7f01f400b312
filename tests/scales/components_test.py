"""Tests of connected components."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from needle_tf.scales import components

PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14)


def by_flooding(count, pairs):
    """The least number that each hangs together with, by walking there."""
    least = list(range(count))
    for start in range(count):
        seen, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            ends = [b for a, b in pairs if a == here]
            ends += [a for a, b in pairs if b == here]
            waiting += [end for end in ends if end not in seen]
            seen.update(ends)
        least[start] = min(seen)
    return least


class FirstMembersTest(parameterized.TestCase):
    @hypothesis.given(PAIRS)
    def test_numbers_get_the_least_that_they_hang_together_with(self, pairs):
        arrays = [(np.array([a]), np.array([b])) for a, b in pairs]
        found = components.first_members(12, arrays)
        self.assertEqual(found.tolist(), by_flooding(12, pairs))

    def test_pairs_come_in_arrays_of_any_shape(self):
        ends = np.array([[1, 2], [5, 6]]), np.array([[2, 3], [6, 1]])
        found = components.first_members(8, [ends])
        self.assertEqual(found.tolist(), [0, 1, 1, 1, 4, 1, 1, 7])

    def test_nothing_hangs_together_without_pairs(self):
        found = components.first_members(3, [])
        self.assertEqual(found.tolist(), [0, 1, 2])

    @parameterized.parameters(False, True)
    def test_long_chains_take_few_rounds(self, is_backwards):
        # A step along the chain per round would take minutes.
        links = np.random.default_rng(0).permutation(200_000)
        if is_backwards:
            links = np.arange(200_000)[::-1]
        found = components.first_members(200_000, [(links[1:], links[:-1])])
        self.assertEqual(found.max(), 0)


if __name__ == "__main__":
    absltest.main()
