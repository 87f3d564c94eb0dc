"""Very many prompts in one cell: byte for byte, and with work that does not grow where it need not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notebook_shell import Shell, open_shell

from hailuo_nb.catalog import checks
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.prompts import values
from hailuo_nb.session import session as session_module
from hailuo_nb.session.models import Models


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell that every example of a property uses."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("many")
        patch.chdir(folder)
        with open_shell(folder) as opened:
            yield opened


def vbench(shared: Path) -> list[str]:
    """Read the 946 prompts of VBench."""
    return (shared / "prompts" / "vbench.txt").read_text("utf-8").splitlines()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=200))
def test_what_stands_below_the_line_arrives(shell: Shell, text: str) -> None:
    """IPython, the parser and the checks hand any text without constructs on byte for byte; --raw any text at all."""
    whole = text.strip()
    if not whole:
        return
    sent = shell.run(f"%%hailuo t2v-pro --raw --dry-run\n{text}\n;")
    assert list(sent["prompt"]) == [f"{text}\n;".strip()]
    plain = re.sub(r"[{}|]", "", text)
    if plain.strip() and not re.search(r"(?m)^[ \t]*---[ \t]*$", plain):
        sent = shell.run(f"%%hailuo t2v-pro --dry-run\n{plain}")
        assert list(sent["prompt"]) == [plain.strip()]


def test_all_vbench_prompts_arrive_in_one_cell(shell: Shell, shared: Path) -> None:
    """946 real prompts through IPython, parsing, checking and pricing, byte for byte, each with its price."""
    prompts = vbench(shared)
    table = shell.run("%%hailuo t2v-standard --max-clips 946 --dry-run\n" + "\n---\n".join(prompts))
    assert list(table["prompt"]) == [prompt.strip() for prompt in prompts]
    # Two of them stand there twice, and are one clip each.
    assert len(set(prompts)) == 944
    assert "946 clips · 944 new at $0.28 = $264.32" in repr(table)


def test_the_work_of_many_prompts_is_done_once(
    shell: Shell, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many prompts: one look into the ledger, one reading of the settings, one compilation an expression."""
    calls: dict[str, int] = {}

    def count(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            calls[name] = calls.get(name, 0) + 1
            return plain(*given, **named)

        monkeypatch.setattr(owner, name, counted)

    shell.run("%config HailuoMagics.simulator_speed = 1000")
    shell.run("%%hailuo t2v-standard --wait\na fox")
    shell.names["style"] = "grainy"
    checks._validator.cache_clear()
    count(jsonschema_rs, "Draft202012Validator")
    count(Ledger, "find")
    count(Models, "quote")
    count(session_module, "load_settings")
    before = values._compiled.cache_info().misses
    cell = "\n---\n".join(f"{{{{style|upper}}}} {prompt}" for prompt in vbench(shared))
    table = shell.run(f"%%hailuo t2v-standard t2v-pro --expand -d 6 --max-clips 1892 --dry-run\n{cell}")
    assert len(table) == 1892
    assert table["prompt"].str.startswith("GRAINY ").all()
    assert values._compiled.cache_info().misses - before == 1
    assert calls["find"] == 1
    assert calls["quote"] == 2, "one price a variant, not one a clip"
    assert calls["Draft202012Validator"] == 2, "one validator for each kind of input, not one a clip"
    assert calls["load_settings"] <= 4
