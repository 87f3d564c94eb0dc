"""The tables and how they come to be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Float, Integer

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger import database, migrations
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.status import COUNTED_SQL, STATUSES, counted_micros
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.ledger.tables import clips, metadata

Open = Callable[..., Ledger]


def table_info(path: Path, table: str) -> list[tuple[str, str]]:
    """List a table's columns with their types."""
    with closing(sqlite3.connect(path)) as file:
        return [(name, kind) for _, name, kind, *_ in file.execute(f"PRAGMA table_info({table})")]


def test_the_tables_are_what_sqlalchemy_is_told(open_ledger: Open, ledger_path: Path) -> None:
    """Every column of every table, in order, with its type."""
    open_ledger()
    for table in metadata.tables.values():
        told = [
            (
                column.name,
                "INTEGER"
                if isinstance(column.type, Integer)
                else "REAL"
                if isinstance(column.type, Float)
                else "TEXT",
            )
            for column in table.columns
        ]
        assert told == table_info(ledger_path, table.name), table.name


def test_a_clip_row_has_a_field_for_every_column() -> None:
    """In the same order, with the unit that the field has in its name."""
    fields = [
        column.name.replace("_micros", "_usd").removesuffix("_ms")
        if column.name != "execution_ms"
        else column.name
        for column in clips.columns
    ]
    assert fields == list(ClipRow.__dataclass_fields__)


def test_opening_is_migrating_once(open_ledger: Open, ledger_path: Path) -> None:
    """Each migration has one record, however often the ledger is opened."""
    for _ in range(3):
        open_ledger().close()
    with closing(sqlite3.connect(ledger_path)) as file:
        records = file.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()
    assert [(n, each.name) for n, each in enumerate(migrations.MIGRATIONS, start=1)] == records


def test_a_migration_is_applied_whole_or_not_at_all(
    open_ledger: Open, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that breaks in the middle leaves the version before; mended, it is applied."""
    open_ledger().close()
    new = migrations.Migration(
        "reports", ("CREATE TABLE reports (seq INTEGER PRIMARY KEY)", "CREATE NONSENSE")
    )
    monkeypatch.setattr(database, "MIGRATIONS", (*migrations.MIGRATIONS, new))
    with pytest.raises(LedgerError):
        open_ledger()
    assert table_info(ledger_path, "reports") == []
    mended = migrations.Migration("reports", new.statements[:1])
    monkeypatch.setattr(database, "MIGRATIONS", (*migrations.MIGRATIONS, mended))
    open_ledger().close()
    assert table_info(ledger_path, "reports") == [("seq", "INTEGER")]


def test_a_newer_ledger_asks_for_an_upgrade(
    open_ledger: Open, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older code leaves it alone."""
    newer = migrations.Migration("reports", ("CREATE TABLE reports (seq INTEGER PRIMARY KEY)",))
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*migrations.MIGRATIONS, newer))
        open_ledger().close()
    with pytest.raises(LedgerError, match="Upgrade: pip install -U hailuo_nb"):
        open_ledger()


def test_the_budget_counts_alike_in_python_and_in_sql() -> None:
    """The running sum and the audit cannot disagree, whatever a row holds."""
    sums = (None, -5, 0, 490_000)
    with closing(sqlite3.connect(":memory:")) as memory:
        for status, accepted, cost, quote in product(STATUSES, (None, False, True), sums, sums):
            (counted,) = memory.execute(
                f"SELECT {COUNTED_SQL} FROM (SELECT ? status, ? was_accepted, ? cost_micros, ? quote_micros)",
                (status, None if accepted is None else int(accepted), cost, quote),
            ).fetchone()
            assert counted_micros(status, accepted, cost, quote) == counted, (status, accepted, cost, quote)
