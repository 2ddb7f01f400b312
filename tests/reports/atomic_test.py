"""Tests of writing files whole or not at all."""

import errno
import os
import pathlib
import threading
from unittest import mock

from absl.testing import absltest

from needle_tf.reports import atomic


class WriteBytesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.path = self.folder / "results.json"

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_a_new_file_holds_the_content_and_nothing_is_left_beside_it(self):
        atomic.write_bytes(self.path, b"first")
        self.assertEqual(self.path.read_bytes(), b"first")
        self.assertEqual(self.names(), ["results.json"])

    def test_an_older_file_is_replaced(self):
        self.path.write_bytes(b"older and longer")
        atomic.write_bytes(str(self.path), b"new")
        self.assertEqual(self.path.read_bytes(), b"new")

    def test_a_full_disk_is_told_by_name_and_leaves_the_older_file(self):
        self.path.write_bytes(b"older")
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch.object(os, "fsync", side_effect=full):
            with self.assertRaisesRegex(
                OSError, "No space left on device.*results.json"
            ):
                atomic.write_bytes(self.path, b"new")
        self.assertEqual(self.path.read_bytes(), b"older")
        self.assertEqual(self.names(), ["results.json"])

    def test_a_missing_folder_is_told_by_name(self):
        with self.assertRaisesRegex(FileNotFoundError, "gone/results.csv"):
            atomic.write_bytes(self.folder / "gone" / "results.csv", b"")

    def test_the_content_is_on_the_disk_before_it_gets_the_name(self):
        calls = []
        real_sync, real_replace = os.fsync, os.replace

        def sync(descriptor):
            calls.append(("fsync", os.fstat(descriptor).st_size))
            real_sync(descriptor)

        def replace(source, target):
            calls.append(("replace", pathlib.Path(source).read_bytes()))
            real_replace(source, target)

        with (
            mock.patch.object(os, "fsync", sync),
            mock.patch.object(os, "replace", replace),
        ):
            atomic.write_bytes(self.path, b"12345")
        self.assertEqual(calls, [("fsync", 5), ("replace", b"12345")])

    def test_whoever_reads_meanwhile_finds_a_whole_file(self):
        contents = [bytes([65 + k]) * 200_000 for k in range(2)]
        atomic.write_bytes(self.path, contents[0])
        done = threading.Event()
        seen = set()

        def read():
            while not done.is_set():
                seen.add(self.path.read_bytes())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for turn in range(60):
                atomic.write_bytes(self.path, contents[turn % 2])
        finally:
            done.set()
            reader.join()
        self.assertLessEqual(seen, set(contents))
        self.assertNotEmpty(seen)


if __name__ == "__main__":
    absltest.main()
