"""What every write has in common: a row changes, the running sum follows, an event tells it.

In comes one write transaction; `hailuo_nb.ledger.reserving` and `hailuo_nb.ledger.moving` say what to change.
Nothing else writes to ``clips``, so the sum in ``spent`` cannot drift from the rows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, RowMapping, Table, Text, bindparam, func, select

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.rows import (
    ClipRow,
    clean,
    clip_row_of,
    columns_from,
    columns_of,
    fields_from,
    to_micros,
    to_time,
    to_usd,
)
from hailuo_nb.ledger.status import counted_micros
from hailuo_nb.ledger.tables import clips, events, spent

_AT_ONCE = 1000


@dataclass(frozen=True)
class Writing:
    """One write transaction and who writes.

    Attributes
    ----------
    connection : sqlalchemy.Connection
        Inside ``BEGIN IMMEDIATE``.
    kernel : str
        The name of this kernel.
    now_ms : int
        The time of the whole transaction.
    is_alive : callable
        Whether a kernel lives, by its name.
    """

    connection: Connection
    kernel: str
    now_ms: int
    is_alive: Callable[[str], bool]

    def clips(self, ids: Iterable[str]) -> dict[str, ClipRow]:
        """Read rows by id; ids the ledger does not know are left out."""
        found = self.connection.execute(_BY_ID, {"values": json.dumps(list(ids))})
        return {row.id: row for row in map(clip_row, found.mappings())}

    def clip(self, clip_id: str) -> ClipRow:
        """Read one row."""
        rows = self.clips([clip_id])
        if clip_id not in rows:
            raise LedgerError(f"The ledger has no clip {clip_id}. `%hailuo jobs` lists what it has.")
        return rows[clip_id]

    def insert(self, rows: Sequence[ClipRow], detail: str = "") -> None:
        """Write new rows, each with its first event."""
        if not rows:
            return
        # Most columns of a new row are empty, and binding emptiness costs as much as binding text.
        columns = columns_of(rows)
        self.connection.exec_driver_sql(
            _insert_text(clips.name, tuple(columns)), list(zip(*columns.values(), strict=True))
        )
        self._charge((row.service, _counted(row)) for row in rows)
        self.tell(rows, "status", detail)

    def change(
        self, row: ClipRow, fields: Mapping[str, Any], *, event: str = "status", detail: str = ""
    ) -> ClipRow:
        """Change one row and tell it, unless ``event`` is empty."""
        return self.change_all([(row, fields)], event=event, detail=detail)[0]

    def change_all(
        self, changes: Sequence[tuple[ClipRow, Mapping[str, Any]]], *, event: str = "status", detail: str = ""
    ) -> list[ClipRow]:
        """Change rows, all in the same fields, and tell it."""
        if not changes:
            return []
        stored = [columns_from(fields) for _, fields in changes]
        self.connection.exec_driver_sql(
            _update_text(tuple(stored[0])),
            [(*columns.values(), row.seq) for (row, _), columns in zip(changes, stored, strict=True)],
        )
        # Read back what was written, as a later reader will see it.
        changed = [
            replace(row, **fields_from(columns)) for (row, _), columns in zip(changes, stored, strict=True)
        ]
        self._charge(
            (new.service, _counted(new) - _counted(old))
            for (old, _), new in zip(changes, changed, strict=True)
        )
        if event:
            self.tell(changed, event, detail)
        return changed

    def tell(
        self,
        rows: Sequence[ClipRow],
        event: str,
        detail: str = "",
        *,
        batch_id: str | None = None,
        saved: Sequence[Decimal | None] = (),
    ) -> None:
        """Write an event for each row."""
        told = [
            {
                "clip_id": row.id,
                "at_utc_ms": self.now_ms,
                "event": event,
                "status": row.status,
                "detail": clean(detail, 4000),
                "kernel": self.kernel,
                "batch_id": batch_id or row.batch_id,
                "saved_micros": to_micros(saved[at]) if saved else None,
            }
            for at, row in enumerate(rows)
        ]
        if told:
            insert_all(self.connection, events, told)

    def check_budget(self, service: str, new: Iterable[Decimal | None], budget_usd: Decimal | None) -> None:
        """Refuse clips that would take a service's sum over the budget, or whose price nobody knows."""
        quotes = list(new)
        if budget_usd is None or not quotes:
            return
        unknown = sum(quote is None for quote in quotes)
        if unknown:
            raise BudgetExceeded(
                f"Not sent: the price of {_clips(unknown)} is unknown, so the budget of "
                f"{usd_text(budget_usd)} cannot be kept. Ask for the price with %hailuo quote, or lift the "
                "budget."
            )
        more = sum((quote for quote in quotes if quote is not None), Decimal(0))
        have = to_usd(self.committed_micros(service)) or Decimal(0)
        if have + more > budget_usd:
            raise BudgetExceeded(
                f"Not sent: {_clips(len(quotes))} for {usd_text(more)} and the {usd_text(have)} already "
                f"spent or out with {service} go over the budget of {usd_text(budget_usd)}. "
                "Raise budget_usd or drop some clips."
            )

    def committed_micros(self, service: str) -> int:
        """Sum what a service's rows take from the budget, with what kernels hold planned."""
        return committed_micros(self.connection, service)

    def next_seq(self) -> int:
        """Give the number of the next new row."""
        return int(self.connection.execute(_NEXT_SEQ).scalar_one())

    def now(self) -> Any:
        """Give the time of the transaction."""
        return to_time(self.now_ms)

    def _charge(self, deltas: Iterable[tuple[str, int]]) -> None:
        """Move the running sums."""
        sums: defaultdict[str, int] = defaultdict(int)
        for service, delta in deltas:
            sums[service] += delta
        for service, delta in sums.items():
            if delta:
                self.connection.exec_driver_sql(_CHARGE, (service, max(delta, 0), delta))


def committed_micros(connection: Connection, service: str) -> int:
    """Sum what a service's rows take from the budget: two look-ups, whatever the size of the ledger."""
    settled = connection.execute(select(spent.c.micros).where(spent.c.service == service)).scalar()
    held = connection.exec_driver_sql(
        "SELECT sum(max(coalesce(quote_micros, 0), 0)) FROM clips"
        " WHERE status = 'planned' AND owner IS NOT NULL AND service = ?",
        (service,),
    ).scalar()
    return max(settled or 0, 0) + (held or 0)


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that have the same columns in the same order, as plain tuples: SQLAlchemy's way costs thrice that."""
    names = tuple(rows[0])
    connection.exec_driver_sql(_insert_text(table.name, names), [tuple(row.values()) for row in rows])


@cache
def _insert_text(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608


@cache
def _update_text(names: tuple[str, ...]) -> str:
    return f"UPDATE clips SET {', '.join(f'{name} = ?' for name in names)} WHERE seq = ?"  # noqa: S608


def values_in(values: Iterable[str | int]) -> Any:
    """Make a list of any length one bound value, so that SQLite seeks each by the index."""
    return each_of(json.dumps(list(values)))


def each_of(listed: Any) -> Any:
    """Do the same with a list that is JSON already, or a parameter that will be."""
    return select(func.json_each(listed).table_valued("value").c.value)


# Put together once: for a look-up of one row that is most of the work.
_BY_ID = select(clips).where(clips.c.id.in_(each_of(bindparam("values", type_=Text))))
# Never below zero: a doctored sum would be room in the budget.
_CHARGE = (
    "INSERT INTO spent (service, micros) VALUES (?, ?)"
    " ON CONFLICT (service) DO UPDATE SET micros = max(max(micros, 0) + ?, 0)"
)
_NEXT_SEQ = select(func.coalesce(func.max(clips.c.seq), 0) + 1)


def bare_columns(result: CursorResult[Any]) -> dict[str, list[Any]]:
    """Read a result to its end, column by column as SQLite has it: SQLAlchemy would make an object of each row."""
    columns: dict[str, list[Any]] = {name: [] for name in result.keys()}  # noqa: SIM118
    cursor = result.cursor
    if cursor is not None:
        # Piece by piece, so that a row's tuple is gone before the next ones need room.
        while rows := cursor.fetchmany(_AT_ONCE):
            for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                column.extend(values)
    result.close()
    return columns


def clip_row(stored: RowMapping) -> ClipRow:
    """Make a `ClipRow` of a row of the table."""
    return clip_row_of(fields_from(stored))


def _counted(row: ClipRow) -> int:
    if row.imported_utc is not None:  # somebody else paid
        return 0
    return counted_micros(row.status, row.was_accepted, to_micros(row.cost_usd), to_micros(row.quote_usd))


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"
