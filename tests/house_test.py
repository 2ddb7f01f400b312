"""Tests of the house: who may import whom, and how files are made.

The table is the drawing in README.md: a file imports from lower floors or from
its own room, never from above, and two rooms of one floor only where the table
says so.
"""

import ast

from absl.testing import absltest

from tests import of_each
from tests import source_tree

MAY_IMPORT = {
    "ops": set(),
    "layers": {"ops"},
    "graphs": {"ops", "layers"},
    "scales": {"ops", "layers", "graphs"},
    "models": {"layers"},
    "data": set(),
    "optimizers": {"ops", "graphs", "scales"},
    "embedding": {"ops", "layers", "graphs"},
    "callbacks": {"ops", "layers", "graphs", "embedding"},
    "protocol": {
        "ops",
        "layers",
        "graphs",
        "scales",
        "models",
        "data",
        "optimizers",
        "embedding",
        "callbacks",
    },
    "analysis": {"ops", "layers", "graphs", "data", "embedding"},
    "reports": {"callbacks"},
    "figures": {"reports", "callbacks"},
    "pages": {"reports", "figures"},
    "comparisons": {
        "data",
        "embedding",
        "protocol",
        "analysis",
        "reports",
        "figures",
    },
}
# A room may take only these modules of another: it must not know the rest.
ONLY_MODULES = {
    ("reports", "callbacks"): {"tags"},
    ("figures", "callbacks"): {"tags"},
}

# Rooms that also run where only JAX is installed.
PURE_KERAS = {
    "ops",
    "layers",
    "graphs",
    "scales",
    "models",
    "optimizers",
    "embedding",
}
# Where a library may be imported; "" is the top: binaries and flag_groups.
HOMES = {
    "tensorflow": {"data", "callbacks", "protocol", "analysis", ""},
    "tensorflow_datasets": {"data"},
    "sklearn": {"data"},
    "matplotlib": {"figures"},
}
FLAGS_HOME = {""}

BAGS = {"utils", "helpers", "common", "misc"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

PACKAGE = source_tree.python_files("needle_tf")
TESTS = source_tree.python_files("tests")
FRONT = source_tree.ROOT / "needle_tf" / "__init__.py"
# Whose classes users take by the name of the room; "" is the front door.
OPEN_ROOMS = {"", "optimizers", "analysis"}
# Modules that are no binary although they lie at the top of the package.
NO_BINARY = {
    "__init__",
    "compare_flags",
    "flag_groups",
    "front",
    "relax_flags",
    "sweep_flags",
    "training_flags",
}


def of_each_of(paths):
    return of_each.of_each({source_tree.relative(path): path for path in paths})


def own_imports(path):
    return [entry for entry in source_tree.imports(path) if entry.is_own()]


def is_binary(path):
    return source_tree.room_of(path) == "" and path.stem not in NO_BINARY


class ArrowsTest(absltest.TestCase):
    @of_each_of(p for p in PACKAGE if p != FRONT)
    def test_imports_only_go_down(self, path):
        room = source_tree.room_of(path)
        for entry in own_imports(path):
            target = source_tree.room_of(entry.file())
            if room == "":
                self.assertFalse(is_binary(entry.file()), entry)
                continue
            self.assertIn(target, {room} | MAY_IMPORT[room], entry)
            only = ONLY_MODULES.get((room, target))
            if only is not None:
                self.assertIn(entry.name, only, entry)

    @of_each_of(p for p in PACKAGE if p != FRONT)
    def test_one_form_of_import_is_used(self, path):
        for entry in own_imports(path):
            words = entry.module.split(".")
            self.assertEqual(entry.level, 0, entry)
            self.assertTrue(entry.name, f"{entry}: import the module by `from`")
            self.assertEqual(words[0], "needle_tf", entry)
            self.assertLessEqual(len(words), 2, entry)
            self.assertEqual(
                entry.file().stem,
                entry.name,
                f"{entry}: `{entry.name}` is no module; import the module",
            )

    def test_every_room_is_in_the_table_and_arrows_have_no_circle(self):
        rooms = {source_tree.room_of(path) for path in PACKAGE} - {""}
        self.assertLessEqual(rooms, MAY_IMPORT.keys())
        floors = {}
        while len(floors) < len(MAY_IMPORT):
            floor = {
                room
                for room, below in MAY_IMPORT.items()
                if room not in floors and below <= floors.keys()
            }
            self.assertNotEmpty(floor, "rooms that import each other")
            floors.update(dict.fromkeys(floor))

    def test_modules_are_imported_by_name_at_run_time_in_registries_only(self):
        for path in PACKAGE:
            for node in ast.walk(source_tree.parsed(path)):
                name = getattr(node, "attr", getattr(node, "id", ""))
                if name in ("import_module", "__import__"):
                    self.assertIn(
                        path.stem,
                        ("registry", "__init__"),
                        f"{source_tree.relative(path)}:{node.lineno}",
                    )


class LibrariesTest(absltest.TestCase):
    @of_each_of(PACKAGE)
    def test_libraries_stay_in_their_rooms(self, path):
        room = source_tree.room_of(path)
        for entry in source_tree.imports(path):
            if not entry.is_third_party():
                continue
            self.assertIn(room, HOMES.get(entry.package, {room}), entry)
            if room in PURE_KERAS:
                self.assertIn(entry.package, {"keras", "numpy"}, entry)
            if entry.package == "absl" and "flags" in (
                entry.name,
                entry.module.rpartition(".")[2],
            ):
                self.assertIn(room, FLAGS_HOME, entry)

    def test_oracles_know_neither_us_nor_keras(self):
        for path in source_tree.python_files("tests/oracles"):
            for entry in source_tree.imports(path):
                self.assertNotIn(
                    entry.package, {"needle_tf", "keras", "tensorflow"}, entry
                )
                if entry.is_own():
                    self.assertStartsWith(entry.module, "tests.oracles")


def public_functions(tree, prefix=""):
    """Yields (name, node) of what a user may call, methods included."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            if node.name == "__init__" or not node.name.startswith("_"):
                yield prefix + node.name, node


class SignaturesTest(absltest.TestCase):
    @of_each_of(PACKAGE)
    def test_public_signatures_are_annotated(self, path):
        for name, node in public_functions(source_tree.parsed(path)):
            arguments = node.args
            bare = [
                argument.arg
                for argument in (
                    *arguments.posonlyargs,
                    *arguments.args,
                    *arguments.kwonlyargs,
                )
                if argument.annotation is None
                and argument.arg not in ("self", "cls")
            ]
            if node.returns is None and node.name != "__init__":
                bare.append("return")
            self.assertEmpty(bare, f"{name}, line {node.lineno}")

    @of_each_of(PACKAGE)
    def test_public_functions_and_classes_have_docstrings(self, path):
        for node in source_tree.parsed(path).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                if not node.name.startswith("_"):
                    self.assertTrue(ast.get_docstring(node), node.name)


class FilesTest(absltest.TestCase):
    @of_each_of(PACKAGE + TESTS)
    def test_file_is_short_and_so_are_its_functions(self, path):
        lines = path.read_text(encoding="utf-8").count("\n")
        self.assertLessEqual(lines, MAX_FILE_LINES)
        for node in ast.walk(source_tree.parsed(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                self.assertLessEqual(length, MAX_FUNCTION_LINES, node.name)

    @of_each_of(PACKAGE + TESTS)
    def test_file_is_no_bag(self, path):
        words = {path.stem, *path.parent.relative_to(source_tree.ROOT).parts}
        self.assertNoCommonElements(words, BAGS)

    @of_each_of(PACKAGE)
    def test_file_begins_with_a_docstring(self, path):
        docstring = ast.get_docstring(source_tree.parsed(path)) or ""
        first = docstring.partition("\n\n")[0]
        self.assertRegex(first, r"(?s)^\S.*[.:]$")

    def test_rooms_have_no_code_at_their_door(self):
        for path in PACKAGE:
            room = source_tree.room_of(path)
            if path.stem == "__init__" and room not in OPEN_ROOMS:
                body = source_tree.parsed(path).body
                self.assertLen(body, 1, source_tree.relative(path))
                self.assertIsInstance(body[0].value, ast.Constant)

    def test_every_module_has_its_test_file(self):
        for path in PACKAGE:
            relative = path.relative_to(source_tree.ROOT / "needle_tf")
            if path.stem == "__init__":
                continue
            test = relative.with_name(f"{path.stem}_test.py")
            with self.subTest(str(relative)):
                self.assertTrue(
                    (source_tree.ROOT / "tests" / test).is_file(),
                    f"tests/{test} is missing",
                )

    def test_every_test_file_runs_alone(self):
        for path in TESTS:
            if path.stem.endswith("_test"):
                self.assertEndsWith(
                    path.read_text(encoding="utf-8"),
                    'if __name__ == "__main__":\n    absltest.main()\n',
                    source_tree.relative(path),
                )

    def test_every_folder_of_tests_is_a_package(self):
        for path in TESTS:
            self.assertTrue((path.parent / "__init__.py").is_file(), path)


if __name__ == "__main__":
    absltest.main()
