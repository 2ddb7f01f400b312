"""Tests of BUILD: read as Python, held against the files and their imports.

Bazel's native rules are calls with keyword arguments, so `ast` reads them. A
failure prints what the rule should say.
"""

import ast
import dataclasses
import io
import pathlib
import re
import tokenize

from absl.testing import absltest

from tests import of_each
from tests import source_tree

ROOT = source_tree.ROOT
LIBRARIES = ("py_library", "py_test")
RULES = (*LIBRARIES, "py_binary")
SIZES = ("small", "medium", "large")


@dataclasses.dataclass(frozen=True)
class Target:
    """One rule of BUILD; `third_party` is what its comment says."""

    rule: str
    name: str
    attributes: dict
    third_party: tuple[str, ...]

    @property
    def deps(self) -> list[str]:
        return [dep.removeprefix(":") for dep in self.attributes["deps"]]

    @property
    def files(self) -> list[pathlib.Path]:
        return self.attributes["srcs"]

    def expected_deps(self) -> list[str]:
        """Returns the targets of all files that this one's files import."""
        if self.rule == "py_binary":
            return sorted({OWNERS[path] for path in self.files})
        imported = {
            file for path in self.files for file in imported_files(path)
        }
        owners = {OWNERS[file] for file in imported if file in OWNERS}
        return sorted(owners - {self.name})

    def expected_third_party(self) -> tuple[str, ...]:
        if self.rule == "py_binary":
            return ()
        found = {
            entry.package
            for path in self.files
            for entry in source_tree.imports(path)
            if entry.is_third_party()
        }
        return tuple(sorted(found))


def imported_files(path):
    """Yields the own files that a file imports, by statement or by name.

    The public names of the package are imported by name, when they are asked
    for: there a string such as "ops.subspace" counts as an import.
    """
    for entry in source_tree.imports(path):
        if entry.is_own():
            yield entry.file()
    if path == ROOT / "needle_tf" / "__init__.py":
        for node in ast.walk(source_tree.parsed(path)):
            name = getattr(node, "value", None)
            if isinstance(name, str) and re.fullmatch(r"\w+\.\w+", name):
                yield path.parent.joinpath(*name.split(".")).with_suffix(".py")


def glob(patterns, exclude=()):
    """Bazel's glob: files below the root, sorted, some left out."""
    files = {path for pattern in patterns for path in ROOT.glob(pattern)}
    files -= {path for pattern in exclude for path in ROOT.glob(pattern)}
    return sorted(path for path in files if path.is_file())


def evaluated(node):
    """Returns the value of an attribute: a literal, a glob, or their sum."""
    if isinstance(node, ast.BinOp):
        return evaluated(node.left) + evaluated(node.right)
    if isinstance(node, ast.Call):
        options = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
        return glob(*map(ast.literal_eval, node.args), **options)
    return ast.literal_eval(node)


def comments(text):
    """Returns the comment on each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def read_targets():
    text = (ROOT / "BUILD").read_text(encoding="utf-8")
    notes = comments(text)
    targets = []
    for node in ast.parse(text).body:
        call = getattr(node, "value", None)
        if not isinstance(call, ast.Call) or call.func.id not in RULES:
            continue
        attributes = {k.arg: evaluated(k.value) for k in call.keywords}
        attributes.setdefault("deps", [])
        attributes["srcs"] = [ROOT / path for path in attributes["srcs"]]
        third_party = ()
        for line in range(call.lineno, call.end_lineno):
            found = re.fullmatch("# third party: (.*)", notes.get(line, ""))
            if found:
                third_party += tuple(found[1].split(", "))
        name = attributes.pop("name")
        targets.append(Target(call.func.id, name, attributes, third_party))
    return targets


READ = read_targets()
TARGETS = {target.name: target for target in READ}
OWNERS = {
    path: target.name
    for target in READ
    if target.rule in LIBRARIES
    for path in target.files
}


class FilesTest(absltest.TestCase):
    def test_names_are_given_once(self):
        self.assertCountEqual([target.name for target in READ], TARGETS)

    def test_every_file_has_one_target(self):
        owned = [
            path
            for target in READ
            for path in target.files
            if target.rule in LIBRARIES  # A binary has a library's file.
        ]
        self.assertCountEqual(
            map(source_tree.relative, owned),
            map(
                source_tree.relative, source_tree.python_files(*source_tree.OWN)
            ),
            "files with no target, with two, or that do not exist",
        )

    def test_every_room_is_one_library(self):
        rooms = {
            source_tree.room_of(path)
            for path in source_tree.python_files("needle_tf")
        }
        for room in rooms - {""}:
            files = source_tree.python_files(f"needle_tf/{room}")
            self.assertIn(room, TARGETS)
            self.assertEqual(TARGETS[room].rule, "py_library")
            self.assertEqual(TARGETS[room].files, files)

    def test_every_binary_has_its_library_twin(self):
        for path in source_tree.python_files("needle_tf", "benchmarks"):
            if '__name__ == "__main__"' not in path.read_text(encoding="utf-8"):
                continue
            name = path.stem
            if path.parent.name == "benchmarks":
                name = f"benchmark_{name.strip('_')}"
            with self.subTest(name):
                self.assertIn(name, TARGETS)
                self.assertEqual(TARGETS[name].rule, "py_binary")
                self.assertEqual(TARGETS[name].files, [path])
                self.assertEqual(TARGETS[OWNERS[path]].rule, "py_library")

    def test_every_test_file_has_its_test(self):
        for path in source_tree.python_files("tests"):
            if not path.stem.endswith("_test"):
                continue
            below = path.relative_to(ROOT / "tests").with_suffix("")
            name = "_".join(below.parts)
            with self.subTest(name):
                self.assertIn(name, TARGETS)
                target = TARGETS[name]
                self.assertEqual(target.rule, "py_test")
                self.assertEqual(target.files, [path])
                self.assertEqual(
                    target.attributes["main"], source_tree.relative(path)
                )
                self.assertIn(target.attributes.get("size"), SIZES)


class DepsTest(absltest.TestCase):
    @of_each.of_each(TARGETS)
    def test_deps_are_what_the_files_import(self, target):
        wanted = "".join(
            f'\n        ":{dep}",' for dep in target.expected_deps()
        )
        self.assertEqual(
            target.deps, target.expected_deps(), f"deps should be{wanted}"
        )

    @of_each.of_each(TARGETS)
    def test_comment_names_the_third_party(self, target):
        wanted = ", ".join(target.expected_third_party())
        self.assertEqual(
            target.third_party,
            target.expected_third_party(),
            f"the comment in deps should be\n        # third party: {wanted}",
        )

    @of_each.of_each(TARGETS)
    def test_data_exists(self, target):
        for entry in target.attributes.get("data", []):
            self.assertTrue((ROOT / entry).exists(), entry)

    @of_each.of_each(TARGETS)
    def test_main_is_one_of_the_sources(self, target):
        if target.rule != "py_library":
            self.assertIn(ROOT / target.attributes["main"], target.files)


if __name__ == "__main__":
    absltest.main()
