"""Tests of the requirements: what is imported is listed, and the reverse."""

import re
import tomllib

from absl.testing import absltest

from tests import source_tree

DISTRIBUTIONS = {
    "absl": "absl-py",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
}
LISTED_WITHOUT_IMPORT_BECAUSE = {
    "importlib_resources": "tensorflow-datasets imports it, undeclared",
}
IMPORTED_UNLISTED_BECAUSE = {
    "h5py": "a test looks into a file that Keras wrote with it",
}
NEVER_IMPORTED_BECAUSE = {
    "jax": "Keras imports it, in a process of its own with that backend",
    "pytest-timeout": "a plug-in of pytest",
    "pytest-xdist": "a plug-in of pytest",
    "ruff": "a program",
}


def names(requirements):
    return {re.split("[<>=~! ]", line, maxsplit=1)[0] for line in requirements}


def listed():
    text = (source_tree.ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def project():
    text = (source_tree.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def imported(*folders):
    packages = {
        entry.package
        for path in source_tree.python_files(*folders)
        for entry in source_tree.imports(path)
        if entry.is_third_party()
    }
    return {DISTRIBUTIONS.get(package, package) for package in packages}


class RequirementsTest(absltest.TestCase):
    def test_every_import_of_the_package_is_listed_and_the_reverse(self):
        found = imported("needle_tf")
        self.assertNoCommonElements(found, LISTED_WITHOUT_IMPORT_BECAUSE)
        self.assertEqual(
            names(listed()), found | LISTED_WITHOUT_IMPORT_BECAUSE.keys()
        )

    def test_every_import_of_the_tests_is_listed_and_the_reverse(self):
        extra = names(project()["project"]["optional-dependencies"]["dev"])
        self.assertNoCommonElements(extra, names(listed()))
        found = imported("tests", "benchmarks") - names(listed())
        self.assertContainsSubset(IMPORTED_UNLISTED_BECAUSE, found)
        found -= IMPORTED_UNLISTED_BECAUSE.keys()
        self.assertEqual(extra, found | NEVER_IMPORTED_BECAUSE.keys())

    def test_every_requirement_has_a_floor(self):
        extra = project()["project"]["optional-dependencies"]["dev"]
        for line in [*listed(), *extra]:
            self.assertRegex(line, r"^[a-zA-Z_-]+>=[0-9.]+$")

    def test_package_takes_its_dependencies_from_the_file(self):
        settings = project()
        self.assertIn("dependencies", settings["project"]["dynamic"])
        self.assertEqual(
            settings["tool"]["setuptools"]["dynamic"]["dependencies"],
            {"file": ["requirements.txt"]},
        )


if __name__ == "__main__":
    absltest.main()
