"""What the simulated service remembers, in one SQLite file.

In come facts from :mod:`~hailuo_nb.simulator.service` and :mod:`~hailuo_nb.simulator.generation`, out go
rows. Each change is one committed transaction before the caller is answered, so a killed server starts again
where it was. WAL with ``synchronous=NORMAL`` survives the death of the process; what it does not survive, a
power cut, costs no money here.

Money is integer micro-dollars; moments are seconds since 1970.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FINAL", "Billing", "Prediction", "Store", "Upload"]

FINAL = ("completed", "failed", "cancelled", "timeout", "deleted")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS predictions (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, inputs TEXT NOT NULL, same TEXT NOT NULL, take INTEGER NOT NULL,
    price INTEGER NOT NULL, run_s REAL NOT NULL, fate TEXT NOT NULL, status TEXT NOT NULL, code INTEGER,
    error TEXT NOT NULL DEFAULT '', clip TEXT, created_at REAL NOT NULL, started_at REAL, finished_at REAL);
CREATE INDEX IF NOT EXISTS predictions_created ON predictions (created_at);
CREATE TABLE IF NOT EXISTS takes (same TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS billings (
    uuid TEXT PRIMARY KEY, prediction TEXT NOT NULL, kind TEXT NOT NULL, price INTEGER NOT NULL,
    created_at REAL NOT NULL,
    UNIQUE (prediction, kind));
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, filename TEXT NOT NULL, content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS account (balance INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_hits (rule TEXT PRIMARY KEY, hits INTEGER NOT NULL);
"""

# Inputs may hold a whole picture as a data URI: they are read only where somebody asked for them.
_BRIEF = (
    "id, model, '{}' AS inputs, same, take, price, run_s, fate, status, code, error, clip,"
    " created_at, started_at, finished_at"
)


@dataclass(frozen=True)
class Prediction:
    """One row of ``predictions``."""

    id: str
    model: str
    inputs: Mapping[str, Any]
    same: str
    take: int
    price: int
    run_s: float
    fate: Mapping[str, Any]
    status: str
    code: int | None
    error: str
    clip: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def is_final(self) -> bool:
        """Nothing will change any more."""
        return self.status in FINAL


@dataclass(frozen=True)
class Billing:
    """One line of the bill, with the prediction it belongs to."""

    uuid: str
    prediction: str
    kind: str
    price: int
    created_at: float
    model: str
    status: str


@dataclass(frozen=True)
class Upload:
    """One upload: a ticket, and a file once ``sha256`` is known."""

    id: str
    token: str
    filename: str
    content_type: str
    size: int
    sha256: str | None
    created_at: float


class Store:
    """The file of the simulated service; used from one thread.

    Parameters
    ----------
    path : Path
        The SQLite file, made if it is not there.
    balance : int
        Micro-dollars to begin with, where the file is new.
    """

    def __init__(self, path: Path, *, balance: int) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        with self._transaction():
            if self._db.execute("SELECT count(*) FROM account").fetchone()[0] == 0:
                self._db.execute("INSERT INTO account VALUES (?)", (balance,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, taking the write lock first."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # predictions and money

    def balance(self) -> int:
        """Micro-dollars left."""
        return int(self._db.execute("SELECT balance FROM account").fetchone()[0])

    def take_of_next(self, same: str) -> int:
        """Give the number that the next submission of these inputs will have."""
        row = self._db.execute("SELECT count FROM takes WHERE same = ?", (same,)).fetchone()
        return int(row[0]) + 1 if row else 1

    def submit(
        self,
        *,
        model: str,
        inputs: Mapping[str, Any],
        same: str,
        price: int,
        run_s: float,
        fate: Mapping[str, Any],
        now: float,
    ) -> Prediction | None:
        """Count, charge and write down one prediction, or None where the balance does not reach."""
        prediction_id = uuid.uuid4().hex
        with self._transaction():
            if self.balance() < price:
                return None
            self._db.execute("UPDATE account SET balance = balance - ?", (price,))
            take = self.take_of_next(same)
            self._db.execute(
                "INSERT INTO takes VALUES (?, 1) ON CONFLICT (same) DO UPDATE SET count = count + 1", (same,)
            )
            self._db.execute(
                "INSERT INTO predictions (id, model, inputs, same, take, price, run_s, fate, status, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'created', ?)",
                (prediction_id, model, json.dumps(inputs), same, take, price, run_s, json.dumps(fate), now),
            )
            self._bill(prediction_id, "deduct", price, now)
        found = self.prediction(prediction_id)
        assert found is not None
        return found

    def _bill(self, prediction_id: str, kind: str, price: int, now: float) -> None:
        """Add a line to the bill."""
        self._db.execute(
            "INSERT INTO billings VALUES (?, ?, ?, ?, ?)", (uuid.uuid4().hex, prediction_id, kind, price, now)
        )

    def start(self, prediction_id: str, now: float) -> None:
        """Note that it is being worked on."""
        self._db.execute(
            "UPDATE predictions SET status = 'processing', started_at = ? WHERE id = ? AND status = 'created'",
            (now, prediction_id),
        )

    def complete(self, prediction_id: str, clip: str, now: float) -> None:
        """Its clip is ready."""
        self._db.execute(
            "UPDATE predictions SET status = 'completed', clip = ?, finished_at = ?"
            " WHERE id = ? AND status IN ('created', 'processing')",
            (clip, now, prediction_id),
        )

    def fail(self, prediction_id: str, status: str, code: int | None, error: str, now: float) -> None:
        """Note that it ended without a clip; what it cost is given back, once."""
        with self._transaction():
            changed = self._db.execute(
                "UPDATE predictions SET status = ?, code = ?, error = ?, finished_at = ?"
                " WHERE id = ? AND status IN ('created', 'processing')",
                (status, code, error, now, prediction_id),
            ).rowcount
            if changed:
                price = self._db.execute(
                    "SELECT price FROM predictions WHERE id = ?", (prediction_id,)
                ).fetchone()[0]
                self._db.execute("UPDATE account SET balance = balance + ?", (price,))
                self._bill(prediction_id, "refund", price, now)

    def delete(self, ids: Iterable[str]) -> int:
        """Forget predictions; returns how many there were."""
        with self._transaction():
            return sum(
                self._db.execute(
                    "UPDATE predictions SET status = 'deleted' WHERE id = ? AND status != 'deleted'", (one,)
                ).rowcount
                for one in ids
            )

    def prediction(self, prediction_id: str, *, with_inputs: bool = True) -> Prediction | None:
        """One prediction, or None."""
        columns = "*" if with_inputs else _BRIEF
        row = self._db.execute(f"SELECT {columns} FROM predictions WHERE id = ?", (prediction_id,)).fetchone()  # noqa: S608
        return _prediction(row) if row else None

    def unfinished(self) -> list[Prediction]:
        """Tell what a server that died left behind, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM predictions WHERE status IN ('created', 'processing') ORDER BY created_at, rowid"
        )
        return [_prediction(row) for row in rows]

    def submitted_since(self, moment: float) -> int:
        """How many submits were accepted since then."""
        return int(
            self._db.execute("SELECT count(*) FROM predictions WHERE created_at >= ?", (moment,)).fetchone()[
                0
            ]
        )

    def recent(
        self,
        *,
        since: float,
        before: float | None,
        model: str | None,
        status: str | None,
        with_inputs: bool,
        offset: int,
        limit: int,
    ) -> tuple[int, list[Prediction]]:
        """How many there are, and one page of them, newest first."""
        where = ["created_at >= ?", "status != 'deleted'"]
        values: list[Any] = [since]
        for clause, value in (("created_at <= ?", before), ("model = ?", model), ("status = ?", status)):
            if value is not None:
                where.append(clause)
                values.append(value)
        clauses = " AND ".join(where)
        total = self._db.execute(f"SELECT count(*) FROM predictions WHERE {clauses}", values).fetchone()[0]  # noqa: S608
        columns = "*" if with_inputs else _BRIEF
        rows = self._db.execute(
            f"SELECT {columns} FROM predictions WHERE {clauses} ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?",  # noqa: S608
            [*values, limit, offset],
        )
        return int(total), [_prediction(row) for row in rows]

    def billings(
        self, ids: Iterable[str] | None, *, kind: str | None, until: float, offset: int, limit: int
    ) -> tuple[int, list[Billing]]:
        """How many lines of the bill there are, and one page of them, newest first."""
        where, values = ["b.created_at <= ?"], [until]  # type: list[str], list[Any]
        if ids is not None:
            where.append("b.prediction IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(list(ids)))
        if kind is not None:
            where.append("b.kind = ?")
            values.append(kind)
        source = f"FROM billings b JOIN predictions p ON p.id = b.prediction WHERE {' AND '.join(where)}"
        total = self._db.execute(f"SELECT count(*) {source}", values).fetchone()[0]
        rows = self._db.execute(
            f"SELECT b.*, p.model, p.status {source} ORDER BY b.created_at DESC, b.rowid DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return int(total), [Billing(**dict(row)) for row in rows]

    def usage(self, start: float, end: float, model: str | None) -> list[tuple[str, str, int, int]]:
        """Rows of (UTC date, model, predictions, micro-dollars less refunds)."""
        rows = self._db.execute(
            "SELECT date(p.created_at, 'unixepoch') AS day, p.model, count(DISTINCT p.id),"
            " sum(CASE b.kind WHEN 'refund' THEN -b.price ELSE b.price END)"
            " FROM predictions p JOIN billings b ON b.prediction = p.id"
            " WHERE p.created_at BETWEEN ? AND ? AND (?3 IS NULL OR p.model = ?3)"
            " GROUP BY day, p.model ORDER BY day, p.model",
            (start, end, model),
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    # uploads

    def add_upload(self, filename: str, content_type: str, size: int, now: float) -> Upload:
        """Give a ticket for a file that is still to come."""
        upload = Upload(uuid.uuid4().hex, uuid.uuid4().hex, filename, content_type, size, None, now)
        self._db.execute(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
            (upload.id, upload.token, filename, content_type, size, None, now),
        )
        return upload

    def upload_arrived(self, upload_id: str, sha256: str, size: int) -> None:
        """Note that the file of a ticket is here."""
        self._db.execute("UPDATE uploads SET sha256 = ?, size = ? WHERE id = ?", (sha256, size, upload_id))

    def upload(self, upload_id: str) -> Upload | None:
        """One upload, or None."""
        row = self._db.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
        return Upload(**dict(row)) if row else None

    # faults

    def count_hit(self, rule: str) -> int:
        """Count one more match of a fault rule; returns which one it is, from 1."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO fault_hits VALUES (?, 1) ON CONFLICT (rule) DO UPDATE SET hits = hits + 1",
                (rule,),
            )
            return int(self._db.execute("SELECT hits FROM fault_hits WHERE rule = ?", (rule,)).fetchone()[0])


def _prediction(row: sqlite3.Row) -> Prediction:
    """Give a row with its JSON columns read."""
    columns = dict(row)
    columns["inputs"] = json.loads(columns["inputs"])
    columns["fate"] = json.loads(columns["fate"])
    return Prediction(**columns)
