"""Counting what is out, with the standard library alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hailuo_nb.ledger.peek import OUT, count_out
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.status import OUT as LEDGERS_OUT
from hailuo_nb.ledger.store import Ledger

Make = Callable[..., NewClip]
Carry = Callable[..., ClipRow]
NOTHING = dict.fromkeys(OUT, 0)


def test_it_counts_while_the_ledger_is_open_and_after(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Planned and finished rows are not out."""
    carry(ledger, clip("planned"))
    carry(ledger, clip("cancelled"), "cancelled")
    for n in range(3):
        carry(ledger, clip(str(n)), "submitting", "submitted")
    carry(ledger, clip("x"), "submitting", "unconfirmed")
    expected = NOTHING | {"submitted": 3, "unconfirmed": 1}
    assert expected == count_out(ledger.path)
    ledger.close()
    assert expected == count_out(ledger.path)


def test_it_means_the_same_statuses_as_the_ledger() -> None:
    """The list is written twice, because this module imports nothing."""
    assert LEDGERS_OUT == OUT


def test_it_makes_no_file(tmp_path: Path, ledger: Ledger) -> None:
    """Where there is no ledger there is none afterwards, and a ledger at rest stays alone."""
    assert count_out(tmp_path / "nowhere" / "ledger.db") == NOTHING
    assert not (tmp_path / "nowhere").exists()
    ledger.close()
    before = sorted(ledger.path.parent.rglob("*"))
    assert count_out(ledger.path) == NOTHING
    assert before == sorted(ledger.path.parent.rglob("*"))


def test_what_is_no_ledger_counts_nothing(tmp_path: Path) -> None:
    """Text, a folder, an empty file: nought, and no error while an extension loads."""
    (tmp_path / "text.db").write_text("hello")
    (tmp_path / "empty.db").touch()
    for name in ("text.db", "empty.db", "."):
        assert count_out(tmp_path / name) == NOTHING


def test_it_waits_for_nobody(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Another kernel in the middle of a write does not hold it up."""
    carry(ledger, clip(), "submitting")
    with ledger._database.write():
        assert count_out(ledger.path) == NOTHING | {"submitting": 1}
    assert not ledger.reserve(NewBatch(), [clip()])[0].is_new


def test_loading_it_loads_no_database_library() -> None:
    """Only the standard library, so that loading the extension stays quick."""
    program = (
        "import sys, hailuo_nb.ledger.peek\n"
        "print([name for name in ('sqlalchemy', 'filelock', 'pandas', 'jsonschema_rs') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
