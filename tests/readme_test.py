"""Tests of the README and the flag files: every command in them still holds."""

import ast
import contextlib
import importlib
import re
import shlex
import subprocess

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from tests import source_tree

ROOT = source_tree.ROOT
HEADER = ("# Paper: ", "# Expect: ", "# Cost: ")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading):
    """Returns the text under a `## heading`, up to the next one.

    Lines inside fenced blocks are no headings, whatever they begin with.
    """
    lines, inside, fenced = [], False, False
    for line in readme().splitlines(keepends=True):
        if line.startswith("```"):
            fenced = not fenced
        if line.startswith("## ") and not fenced:
            inside = line.strip() == f"## {heading}"
        elif inside:
            lines.append(line)
    return "".join(lines)


def blocks(text, language):
    """Returns the contents of the fenced blocks in one language."""
    return [body for name, body in FENCE.findall(text) if name == language]


def inline_code():
    """Returns what stands between single backticks in running text."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", readme()))


def commands():
    """Returns (binary, arguments) of each `python -m needle_tf.<binary>`."""
    text = readme().replace("\\\n", " ")
    code = [body for _, body in FENCE.findall(text)]
    code += inline_code()
    found = []
    for line in "\n".join(code).splitlines():
        for part in re.split(r"&&|\|\||[|;]|\s#\s", line):
            match = re.search(r"-m needle_tf\.(\w+)(?: +(.*))?$", part.strip())
            if match:
                found.append((match[1], tuple(shlex.split(match[2] or ""))))
    return sorted(set(found))


def parse(binary, arguments):
    """Parses flags as a binary would, and makes its configurations of them.

    Raises what the binary would make a message of: flags.Error, ValueError.
    """
    importlib.import_module(f"needle_tf.{binary}")
    # Asking for help ends the process; that there is help is not in doubt.
    arguments = [flag for flag in arguments if flag != "--help"]
    with flagsaver.flagsaver(), contextlib.chdir(ROOT):  # For --flagfile=.
        left = flags.FLAGS([binary, *arguments])
        if left[1:] and binary != "report":
            raise ValueError(f"{binary} takes flags only. Received: {left[1:]}")
        if binary == "main":
            relax_flags = importlib.import_module("needle_tf.relax_flags")
            relax_flags.check()
        if binary == "compare":
            compare_flags = importlib.import_module("needle_tf.compare_flags")
            compare_flags.asked()
        if binary == "train":
            training_flags = importlib.import_module("needle_tf.training_flags")
            training_flags.check()


def flag_files():
    return sorted(p for p in (ROOT / "flags").rglob("*") if p.is_file())


def drawing():
    """Returns the files and folders of the tree in the README, as paths.

    Four columns are one level; a line may name several files of its folder,
    separated by commas, and says after two spaces what they are for.
    """
    body = blocks(section("The house"), "text")[0]
    paths, folders = [], []
    for line in body.splitlines():
        match = re.match(r"^([│├└─ ]*)(\S.*)$", line)
        if not match:
            continue
        depth = len(match[1]) // 4
        names = re.split(r"\s{2,}", match[2])[0]
        for name in re.split(r", | · ", names):
            folders[depth:] = [name.rstrip("/")]
            paths.append("/".join(folders) + "/" * name.endswith("/"))
    return paths


class CommandsTest(parameterized.TestCase):
    def test_every_command_of_the_readme_parses(self):
        self.assertNotEmpty(commands())
        for binary, arguments in commands():
            with self.subTest(f"{binary} {shlex.join(arguments)}"):
                parse(binary, arguments)

    def test_unknown_flag_would_be_noticed(self):
        with self.assertRaisesRegex(
            flags.UnrecognizedFlagError,
            "Unknown command line flag 'relax_epok'",
        ):
            parse("main", ["--relax_epok=20"])

    def test_impossible_setting_would_be_noticed(self):
        with self.assertRaisesRegex(ValueError, "relax_epoch"):
            parse("main", ["--epochs=5", "--relax_epoch=6"])

    def test_set_up_is_two_commands_and_ci_takes_them_as_printed(self):
        printed = blocks(section("Set up"), "bash")
        self.assertGreaterEqual(len(printed), 2)
        listed = subprocess.run(
            [ROOT / ".ci" / "run", "--list"],
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(listed.stdout, "".join(printed[:2]))
        self.assertIn("-m needle_tf.main", printed[0])
        self.assertIn("-m pytest", printed[1])

    def test_python_examples_use_names_that_exist(self):
        package = importlib.import_module("needle_tf")
        for body in blocks(readme(), "python"):
            for node in ast.walk(ast.parse(body)):
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "needle_tf"
                ):
                    known = {*package.__all__, "optimizers"}
                    self.assertIn(node.attr, known)

    def test_flags_and_names_in_the_text_exist(self):
        importlib.import_module("needle_tf.main")
        importlib.import_module("needle_tf.train")
        for code in inline_code():
            for flag in re.findall(r"^--(?:no)?(\w+)", code):
                self.assertIn(flag, flags.FLAGS)
            match = re.match(r"needle_tf((?:\.\w+)+)", code)
            if match:
                module, _, name = match[1].rpartition(".")
                module = importlib.import_module(f"needle_tf{module}")
                self.assertTrue(hasattr(module, name), code)

    def test_links_and_flag_files_in_the_readme_exist(self):
        text = readme()
        named = re.findall(r"\]\(([^)#:]+)\)", text)
        named += re.findall(r"--flagfile=([\w./-]+)", text)
        for name in named:
            self.assertTrue((ROOT / name).exists(), name)


class DrawingTest(absltest.TestCase):
    def test_everything_drawn_exists(self):
        for path in drawing():
            exists = (
                (ROOT / path).is_dir()
                if path.endswith("/")
                else (ROOT / path).is_file()
            )
            self.assertTrue(exists, f"{path} is drawn, but does not exist")

    def test_every_file_of_the_package_is_drawn(self):
        drawn = set(drawing())
        self.assertLen(drawing(), len(drawn))
        missing = []
        for path in source_tree.python_files("needle_tf"):
            name = source_tree.relative(path)
            room = name.rpartition("/")[0] + "/"
            self.assertIn(room, drawn)
            if path.stem == "__init__" and room != "needle_tf/":
                continue
            # A room may be drawn as one line, without any of its files.
            is_open = any(p.startswith(room) and p != room for p in drawn)
            if is_open and name not in drawn:
                missing.append(name)
        self.assertEmpty(missing, "files that are not drawn")


class FlagFilesTest(parameterized.TestCase):
    def test_there_are_flag_files(self):
        self.assertNotEmpty(flag_files())

    def test_every_flag_file_parses(self):
        for path in flag_files():
            with self.subTest(source_tree.relative(path)):
                is_needle = path.parent.name == "needle"
                parse("main" if is_needle else "train", [f"--flagfile={path}"])

    def test_every_flag_file_has_its_header(self):
        for path in flag_files():
            lines = path.read_text(encoding="utf-8").splitlines()
            for start in HEADER:
                header = [line for line in lines if line.startswith(start)]
                self.assertLen(header, 1, f"{path}: a line `{start}...`")
                self.assertGreater(len(header[0]), len(start))


if __name__ == "__main__":
    absltest.main()
