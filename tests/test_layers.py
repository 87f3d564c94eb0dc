"""The design's table of layers, as data, against every import in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hailuo_nb"
STANDARD_ROOTS = frozenset(__import__("sys").stdlib_module_names)

# part: (the parts it may import, the libraries it may import)
MAY_KNOW: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "errors": (frozenset(), frozenset()),
    "settings": (frozenset({"errors"}), frozenset()),
    "catalog": (frozenset({"errors", "settings"}), frozenset({"jsonschema_rs"})),
    "media": (
        frozenset({"errors", "settings", "catalog"}),
        frozenset({"av", "PIL", "numpy", "pillow_heif"}),
    ),
    "prompts": (frozenset({"errors", "settings", "catalog", "media"}), frozenset({"jinja2"})),
    "wavespeed": (frozenset({"errors", "settings", "catalog", "media"}), frozenset({"httpx"})),
    "ledger": (frozenset({"errors", "settings", "catalog", "media"}), frozenset({"sqlalchemy", "filelock"})),
    "simulator": (
        frozenset({"errors", "settings", "catalog", "media"}),
        frozenset({"starlette", "uvicorn", "av", "PIL", "numpy", "httpx"}),
    ),
    "jobs": (
        frozenset({"errors", "settings", "catalog", "media", "prompts", "wavespeed", "ledger"}),
        frozenset({"httpx", "nest_asyncio2"}),
    ),
    "analysis": (
        frozenset({"errors", "settings", "catalog", "media", "ledger"}),
        frozenset({"pandas", "numpy", "evalica", "matplotlib"}),
    ),
    # What is passed on: reports, packs, clean notebooks. The session says whose clips and which key.
    "travel": (
        frozenset({"errors", "settings", "catalog", "media", "ledger", "prompts", "analysis"}),
        frozenset(),
    ),
    "session": (
        frozenset(
            {"errors", "settings", "catalog", "media", "prompts", "wavespeed", "ledger", "jobs", "analysis"}
            | {"travel"}
        ),
        frozenset({"dotenv", "keyring", "google", "filelock", "pandas"}),
    ),
    "notebook": (
        frozenset(
            {"errors", "settings", "catalog", "media", "prompts", "ledger", "jobs", "analysis", "session"}
        ),
        frozenset(
            {
                "IPython",
                "ipywidgets",
                "anywidget",
                "traitlets",
                "PIL",
                "pandas",
                "comm",
                "itables",
                "matplotlib",
            }
        ),
    ),
    "__init__": (frozenset({"errors", "session", "notebook"}), frozenset()),
}
# The notebook starts no database and no HTTP: of the ledger it may only count what is out.
NOTEBOOK_LEDGER = "hailuo_nb.ledger.peek"


def part_of(path: Path) -> str:
    """Give the part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[int, str]]:
    """List every imported module of a file with its line, those inside functions too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: a relative import hides its layer"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "hailuo_nb" else [base]
            found += [(node.lineno, name) for name in names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            argument = node.args[0]
            if isinstance(argument, ast.Constant):
                found.append((node.lineno, str(argument.value)))
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_layers_only(path: Path) -> None:
    """No file knows a part above or beside it, nor a library that belongs to another part."""
    part = part_of(path)
    parts, libraries = MAY_KNOW[part]
    for line, module in imports_of(path):
        root, *rest = module.split(".")
        where = f"{path.relative_to(PACKAGE)}:{line}: {module}"
        if root == "hailuo_nb":
            target = rest[0] if rest else "__init__"
            assert target == part or target in parts, where
            if part == "notebook" and target == "ledger":
                assert module == NOTEBOOK_LEDGER, where
        else:
            assert root in STANDARD_ROOTS or root in libraries, where


def test_only_the_session_starts_the_simulator() -> None:
    """Nothing but the simulator itself names its package in an import."""
    users = {
        part_of(p) for p in FILES for _, module in imports_of(p) if module.startswith("hailuo_nb.simulator")
    }
    assert users <= {"simulator", "session"}


def test_every_room_says_what_it_is_for() -> None:
    """A newcomer finds the room for a change from the docstrings alone."""
    for path in FILES:
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert docstring, f"{path.relative_to(PACKAGE)} has no docstring"
        if path.name == "__init__.py" and path.parent != PACKAGE:
            assert len(docstring) > 80, (
                f"{path.relative_to(PACKAGE)} does not say what comes in and what goes out"
            )
