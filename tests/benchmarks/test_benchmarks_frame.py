"""Every benchmark has what the table needs; looked up in its text, without importing what it measures."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ORDER
from tests.benchmarks.frame import alone

FOLDER = Path(__file__).parent


def test_the_order_names_the_benchmarks_that_there_are() -> None:
    """Each once."""
    assert sorted(ORDER) == alone.names()


@pytest.mark.parametrize("name", alone.names())
def test_a_benchmark_says_what_it_measures_and_gives_rows(name: str) -> None:
    """Its docstring begins with a sentence, and ``rows`` is a function that needs nothing."""
    module = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    first = (ast.get_docstring(module, clean=False) or "").partition("\n")[0]
    assert first.strip()
    assert first[0].isupper()
    found = [each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == "rows"]
    assert len(found) == 1
    assert not found[0].args.args
