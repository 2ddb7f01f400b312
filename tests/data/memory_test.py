"""Tests of the question whether arrays fit into memory."""

from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.data import memory


class MemoryTest(parameterized.TestCase):
    def test_some_memory_is_available_on_this_machine(self):
        self.assertBetween(memory.available_bytes(), 2**20, 2**50)

    @parameterized.parameters(
        (12, "12 bytes"),
        (1024, "1.0 KiB"),
        (3 * 2**19, "1.5 MiB"),
        (5 * 2**29, "2.5 GiB"),
    )
    def test_bytes_are_told_in_words(self, count, words):
        self.assertEqual(memory.readable(count), words)

    def test_half_of_the_free_memory_may_be_used_and_not_more(self):
        with mock.patch.object(memory, "available_bytes", lambda: 2**21):
            memory.require_room("cifar10", 2**20, "")
            with self.assertRaisesRegex(
                ValueError,
                r"^cifar10 would not fit into memory: the images take 1\.0 MiB,"
                r" and at most 1\.0 MiB \(half of what is free\) may be used\. "
                r"Give a smaller --train_size\.$",
            ):
                memory.require_room(
                    "cifar10", 2**20 + 1, "Give a smaller --train_size."
                )


if __name__ == "__main__":
    absltest.main()
