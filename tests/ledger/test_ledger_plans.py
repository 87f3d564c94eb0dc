"""Every call that a job waits for seeks by an index, so that a million rows are no slower than ten."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from hailuo_nb.ledger import reading
from hailuo_nb.ledger.peek import OUT
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

Make = Callable[..., NewClip]

CALLS: dict[str, Callable[[Ledger, list[str], NewClip], object]] = {
    "reserve": lambda ledger, _, clip: ledger.reserve(
        NewBatch(notebook="a", cell_id="c"), [clip], budget_usd=Decimal(9)
    ),
    "find": lambda ledger, _, clip: ledger.find([clip.identity]),
    "own": lambda ledger, ids, _: ledger.own(ids),
    "release": lambda ledger, ids, _: ledger.release(ids),
    "close": lambda ledger, *_: ledger.close(),
    "start_submit": lambda ledger, ids, _: ledger.start_submit(ids[0], fence=1, per_minute=9, at_once=9),
    "move": lambda ledger, ids, _: ledger.move(ids[0], fence=1, to="submitting"),
    "requote": lambda ledger, ids, _: ledger.requote({ids[0]: Decimal(1)}, budget_usd=Decimal(99)),
    "set_cost": lambda ledger, ids, _: ledger.set_cost(ids[0], Decimal(1)),
    "rate": lambda ledger, ids, _: ledger.rate(ids[0], rating=3),
    "take_in": lambda ledger, _, clip: ledger.take_in(NewBatch(), clip, prediction_id="p"),
    "row": lambda ledger, ids, _: ledger.row(ids[0]),
    "rows by ids": lambda ledger, ids, _: ledger.rows(ids=ids),
    "rows of a batch": lambda ledger, *_: ledger.rows(batch="b"),
    "rows of a request": lambda ledger, *_: ledger.rows(
        request_hash="h", service="simulator", statuses={"unconfirmed"}
    ),
    "rows by prediction": lambda ledger, *_: ledger.rows(prediction_ids=["p"], service="simulator"),
    "rows by name": lambda ledger, *_: ledger.rows(name="hero"),
    "out": lambda ledger, *_: ledger.out("simulator"),
    "out of all": lambda ledger, *_: ledger.out(),
    "unsettled": lambda ledger, *_: ledger.unsettled("simulator"),
    "events": lambda ledger, ids, _: ledger.events(ids[0]),
    "durations": lambda ledger, *_: ledger.durations("t2v-pro", "simulator"),
    "committed_usd": lambda ledger, *_: ledger.committed_usd("simulator"),
    "resolve_id": lambda ledger, ids, _: ledger.resolve_id(ids[0][:6]),
    "places": lambda ledger, *_: ledger.places("b"),
    "batch": lambda ledger, *_: ledger.batch("b"),
    "versions_of_cell": lambda ledger, *_: ledger.versions_of_cell("a", "c"),
    "recall": lambda ledger, *_: ledger.recall("k"),
    "remember": lambda ledger, *_: ledger.remember("k", 1),
}


def plans(ledger: Ledger, call: Callable[[], object]) -> list[str]:
    """Make a call; give the plan of every statement it ran, line by line."""
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, parameters: Any, _x: object, executemany: bool) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "DELETE", "INSERT"):
            ran.append((statement, parameters[0] if executemany else parameters))

    engine = ledger._database._engine
    event.listen(engine, "before_cursor_execute", note)
    call()
    event.remove(engine, "before_cursor_execute", note)
    assert ran
    with closing(sqlite3.connect(ledger.path)) as file:
        return [
            line[3]
            for statement, parameters in ran
            for line in file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("name", CALLS)
def test_no_call_reads_a_whole_table(ledger: Ledger, clip: Make, name: str) -> None:
    """SQLite's own plan of every statement names no scan but that of a list it was given."""
    ids = [each.row.id for each in ledger.reserve(NewBatch(), [clip("a"), clip("b")])]
    scans = [
        line
        for line in plans(ledger, lambda: CALLS[name](ledger, ids, clip("new")))
        # Lists that were given, and what was already found of one batch, are read whole.
        if line.startswith("SCAN") and "VIRTUAL TABLE" not in line and not line.startswith("SCAN anon_")
    ]
    assert scans == []


def test_the_newest_rows_are_found_from_the_end(ledger: Ledger, clip: Make) -> None:
    """Without sorting, whatever else is asked of them."""
    ledger.reserve(NewBatch(), [clip()])
    for more in ({}, {"service": "simulator"}, {"statuses": {"completed"}}, {"text": "fox"}):
        lines = plans(ledger, lambda more=more: ledger.rows(limit=200, newest_first=True, **more))
        assert not [line for line in lines if "TEMP B-TREE" in line], more


def test_the_peek_seeks_too(ledger: Ledger) -> None:
    """It runs each time the extension is loaded."""
    query = (
        f"SELECT status, count(*) FROM clips WHERE status IN ({', '.join('?' * len(OUT))}) GROUP BY status"
    )
    with closing(sqlite3.connect(ledger.path)) as file:
        lines = [line[3] for line in file.execute(f"EXPLAIN QUERY PLAN {query}", OUT)]
    assert lines == ["SEARCH clips USING COVERING INDEX clips_by_status (status=?)"]


BY_INDEX = {
    "reserve": {"sqlite_autoindex_clips_1", "sqlite_autoindex_clips_2", "clips_held", "batches_by_cell"},
    "start_submit": {
        "sqlite_autoindex_clips_1",
        "sqlite_autoindex_memory_1",
        "sends_by_time",
        "clips_by_status",
    },
    "out": {"clips_by_status"},
    "out of all": {"clips_by_status"},
    "find": {"sqlite_autoindex_clips_2"},
}
"""A new clip, what is out at load, and the cache: the first autoindex is by id, the second by what makes a clip."""


@pytest.mark.parametrize("name", BY_INDEX)
def test_what_a_cell_waits_for_is_found_by_these_indexes(ledger: Ledger, clip: Make, name: str) -> None:
    """Their plans name each of them, and read no table from end to end."""
    ids = [each.row.id for each in ledger.reserve(NewBatch(), [clip("a"), clip("b")])]
    lines = plans(ledger, lambda: CALLS[name](ledger, ids, clip("new")))
    used = {match[1] for line in lines if (match := re.search(r"INDEX (\w+) \(", line))}
    assert used == BY_INDEX[name]
    assert not [line for line in lines if re.match(r"SCAN (?!anon_\d+ VIRTUAL)", line)]


def test_a_missing_index_would_be_seen(ledger: Ledger, clip: Make) -> None:
    """The plans are those of the file as it is."""
    ledger.reserve(NewBatch(), [clip()])
    with closing(sqlite3.connect(ledger.path)) as file:
        file.execute("DROP INDEX clips_by_status")
    assert "SCAN clips" in plans(ledger, ledger.out)


def test_a_history_of_many_clips_reads_each_batch_once(
    ledger: Ledger, clip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And tells the same of each clip as one of a few does, also of one whose batch is gone."""
    for cell in ("a", "b"):
        ledger.reserve(
            NewBatch(notebook="n.ipynb", cell_id=cell, cell_text=cell), [clip(f"{cell}{n}") for n in range(3)]
        )
    ledger.reserve(NewBatch(cell_id="c"), [clip("gone")])
    with closing(sqlite3.connect(ledger.path)) as file:
        file.execute("DELETE FROM batches WHERE cell_id = 'c'")
        file.commit()
    few = ledger.table(reading.Wanted())
    monkeypatch.setattr(reading, "_FEW", 0)
    many = ledger.table(reading.Wanted())
    assert few == many
    assert many.stored["cell_id"] == ["a"] * 3 + ["b"] * 3 + [None]
    assert many.stored["notebook"] == ["n.ipynb"] * 6 + [None]
