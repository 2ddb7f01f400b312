"""Tests of who is offered the gradients of a backward pass."""

import threading

from absl.testing import absltest

from needle_tf.ops import backward_updates


class OfferTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(backward_updates.end)

    def test_nobody_takes_what_nobody_asked_for(self):
        self.assertFalse(backward_updates.offer("kernel", 1))

    def test_taker_decides_until_the_end(self):
        seen = []

        def take(variable, gradient):
            seen.append((variable, gradient))
            return variable == "kernel"

        backward_updates.begin(take)
        self.assertTrue(backward_updates.offer("kernel", 1))
        self.assertFalse(backward_updates.offer("bias", 2))
        backward_updates.end()
        self.assertFalse(backward_updates.offer("kernel", 3))
        self.assertEqual(seen, [("kernel", 1), ("bias", 2)])

    def test_other_threads_are_not_concerned(self):
        backward_updates.begin(lambda variable, gradient: True)
        found = []
        thread = threading.Thread(
            target=lambda: found.append(backward_updates.offer("kernel", 1))
        )
        thread.start()
        thread.join()
        self.assertEqual(found, [False])


if __name__ == "__main__":
    absltest.main()
