"""The source files as data: what each imports, read without running it."""

import ast
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
OWN = ("needle_tf", "tests", "benchmarks")


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported module, as written: `from module import name as alias`.

    `name` is "" for `import module`; `level` counts the dots of a relative
    import.
    """

    path: pathlib.Path
    line: int
    module: str
    name: str
    alias: str
    level: int

    @property
    def package(self) -> str:
        """The first word of what is imported: `keras`, `needle_tf`, ..."""
        return self.module.partition(".")[0]

    def is_own(self) -> bool:
        return self.package in OWN or self.level > 0

    def is_third_party(self) -> bool:
        return not self.is_own() and self.package not in (
            sys.stdlib_module_names
        )

    def file(self) -> pathlib.Path | None:
        """Returns the file of an own module; None if there is none."""
        dotted = [self.module.split("."), [self.name]]
        for parts in (sum(dotted, []), dotted[0]):
            stem = ROOT.joinpath(*filter(None, parts))
            for path in (stem.with_suffix(".py"), stem / "__init__.py"):
                if path.is_file():
                    return path
        return None

    def __str__(self) -> str:
        form = f"import {self.module}"
        if self.name:
            form = f"from {'.' * self.level}{self.module} import {self.name}"
        if self.alias:
            form += f" as {self.alias}"
        return f"{relative(self.path)}:{self.line}: {form}"


def relative(path: pathlib.Path) -> str:
    """Returns `path` as seen from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def python_files(*folders: str) -> list[pathlib.Path]:
    """Returns every Python file in these folders of the root, sorted."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py")
    )


def room_of(path: pathlib.Path) -> str:
    """Returns the room of a file of the package; "" for one at its top."""
    parts = path.relative_to(ROOT / "needle_tf").parts
    return parts[0] if len(parts) > 1 else ""


@functools.cache
def parsed(path: pathlib.Path) -> ast.Module:
    """Returns the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def imports(path: pathlib.Path) -> tuple[Import, ...]:
    """Returns all imports of a file, those inside functions included."""
    return tuple(_imports(path))


def _imports(path: pathlib.Path) -> Iterator[Import]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield Import(
                    path, node.lineno, item.name, "", item.asname or "", 0
                )
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                yield Import(
                    path,
                    node.lineno,
                    node.module or "",
                    item.name,
                    item.asname or "",
                    node.level,
                )
