"""``%hailuo history`` and its Python twin, tables and pivots, from the line to the value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clip_ledger import write_ledger
from notebook_shell import Shell, open_shell

import hailuo_nb as hn
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.table import ClipTable


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Give a shell beside a ledger of 26 clips, two of them real; nothing is taken up."""
    monkeypatch.setenv("HAILUO_RESUME", "off")
    write_ledger(tmp_path, 26, real=2)
    with open_shell(tmp_path) as opened:
        yield opened


def test_the_line_and_the_call_find_the_same(shell: Shell) -> None:
    """Each filter of the line has its argument."""
    pairs = {
        "--text NOON": {"text": "NOON"},
        "--name fox --limit 3": {"name": "fox", "limit": 3},
        "--variant t2v-pro --status failed": {"variant": "t2v-pro", "status": "failed"},
        "--status failed --status completed": {"status": ["failed", "completed"]},
        "--since 2026-11-03 --until '3 Nov 2026'": {"since": "2026-11-03", "until": "3 Nov 2026"},
        '--axis light=dawn --axis "camera=[Pan left]|[Push in]"': {"axes": {"light": "dawn"}},
        "--service wavespeed": {"service": "wavespeed"},
        "--cell": {"cell": True},
        "--cell c1": {"cell": "c1"},
    }
    for line, filters in pairs.items():
        found = shell.run(f"%hailuo history {line}")
        assert 0 < len(found) <= 26
        assert list(found["id"]) == list(hn.history(**filters)["id"]), line
    assert shell.run("%hailuo history --tag nothing").empty


def test_a_batch_is_named_by_its_variable_or_its_id(shell: Shell) -> None:
    """Anything else is one line."""
    batch = hn.history(service="wavespeed")["batch"].iloc[0]
    assert len(shell.run(f"%hailuo history --batch {batch}")) == 2
    with pytest.raises(InvalidRequest, match="No batch 'fox'"):
        shell.run("%hailuo history --batch fox")


def test_a_cell_takes_no_other_filter(shell: Shell) -> None:
    """From the line as from Python."""
    with pytest.raises(InvalidRequest, match="leave out the other filters"):
        shell.run("%hailuo history --cell --text fox")
    with pytest.raises(InvalidRequest, match="leave out the other filters"):
        hn.history(cell=True, text="fox")


def test_tables_and_pivots_take_whatever_names_clips(shell: Shell) -> None:
    """A name, a frame, or nothing for all."""
    assert isinstance(hn.table(), ClipTable)
    assert hn.table("fox", ["light", "run_s"], rows=5).columns == ("light", "run_s")
    real = hn.history(service="wavespeed")
    assert hn.pivot(real, rows="light", values="cost_usd")["all"].tolist() == [0.28, 0.28]
    assert hn.plot_outcomes("fox").said == hn.plot_outcomes().said
    with pytest.raises(InvalidRequest, match="No clip here is called 'owl'"):
        hn.pivot("owl")
