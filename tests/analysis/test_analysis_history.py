"""The history: columns, types, missing values, filters and sums."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hailuo_nb.analysis.history import COLUMNS, history
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

CONTRACT = (
    "id, batch, name, take, attempt, service, status, variant, model, prompt, prompt_template, params, inputs, image, "
    "duration_s, width, height, fps, quote_usd, cost_usd, price_source, reuses, saved_usd, created_utc, submitted_utc, "
    "finished_utc, queue_s, run_s, path, sha256, bytes, rating, wins, losses, ties, note, tags, error, prediction_id, "
    "url, url_expires_utc, request_hash, notebook, cell_id, previous"
)
TO_COMPLETED = ("submitting", "submitted", "processing", "downloading", "completed")
FACTS = {
    "path": "hailuo/clips/fox.mp4",
    "duration_s": 5.875,
    "width": 1920,
    "height": 1080,
    "fps": 24.0,
    "bytes": 4_200_000,
}
Walk = Callable[..., ClipRow]


class Clock:
    """Seconds since 1970, a second later each time anybody looks."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Give the time."""
        self.now += 1
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an open ledger whose clock moves by itself."""
    with Ledger.open(tmp_path / "hailuo" / "ledger.db", clock=Clock()) as opened:
        yield opened


def clip(text: str = "a fox", **changes: Any) -> NewClip:
    """Make a clip of WaveSpeed at $0.49."""
    fields: dict[str, Any] = {
        "service": "wavespeed",
        "request_hash": hashlib.sha256(text.encode()).hexdigest(),
        "variant": "t2v-pro",
        "model_id": "minimax/hailuo-2.3/t2v-pro",
        "prompt": text,
        "inputs": {"prompt": text, "enable_prompt_expansion": True},
        "quote_usd": Decimal("0.49"),
        "quote_source": "table",
        "duration_s": 6,
    }
    return NewClip(**fields | changes)


@pytest.fixture
def walk(ledger: Ledger) -> Walk:
    """Give what takes a clip through its statuses."""

    def through(new: NewClip, *statuses: str, **columns: Any) -> ClipRow:
        got = ledger.reserve(NewBatch(), [new])[0]
        row = got.row
        for status in statuses:
            assert got.fence is not None
            row = ledger.move(
                row.id, fence=got.fence, to=status, **(columns if status == statuses[-1] else {})
            )
        return row

    return through


def test_the_columns_are_those_of_the_contract(ledger: Ledger) -> None:
    """In its order, with one column for each axis in its place."""
    assert tuple(CONTRACT.split(", ")) == COLUMNS
    ledger.reserve(
        NewBatch(), [clip("a", axes={"light": "dawn"}), clip("b", axes={"camera": "x", "light": "noon"})]
    )
    expected = CONTRACT.replace("params", "params.camera, params.light").split(", ")
    frame = history(ledger)
    assert expected == list(frame.columns)
    assert list(frame["params.light"]) == ["noon", "dawn"]
    assert frame["params.camera"].isna().tolist() == [False, True]


@pytest.mark.parametrize("rows", [0, 1])
def test_every_column_has_its_type_even_when_empty(ledger: Ledger, rows: int) -> None:
    """Categories, aware times, nullable numbers, text in which missing is NA."""
    ledger.reserve(NewBatch(), [clip(str(n)) for n in range(rows)])
    types = history(ledger).dtypes.astype(str).to_dict()
    groups = {
        "category": {"service", "status", "variant"},
        "Int64": {
            "take",
            "attempt",
            "width",
            "height",
            "reuses",
            "bytes",
            "rating",
            "wins",
            "losses",
            "ties",
        },
        "Float64": {"duration_s", "fps", "quote_usd", "cost_usd", "saved_usd", "queue_s", "run_s"},
        "datetime64[us, UTC]": {"created_utc", "submitted_utc", "finished_utc", "url_expires_utc"},
        "object": {"inputs", "tags"},
    }
    for kind, columns in groups.items():
        assert {kind} == {types.pop(column) for column in columns}
    assert {"string"} == set(types.values())


def test_a_completed_clip_reads_as_it_was_made(ledger: Ledger, walk: Walk) -> None:
    """Measured facts, times apart, the quote as cost until the billing answers."""
    row = walk(clip(tags=("x", "y"), name="hero"), *TO_COMPLETED, **FACTS)
    line = history(ledger).iloc[0]
    assert (row.id, row.batch_id, "hero", 1, 1) == (
        line.id,
        line.batch,
        line["name"],
        line["take"],
        line.attempt,
    )
    assert line.inputs == {"prompt": "a fox", "enable_prompt_expansion": True}
    assert (line.tags, line.duration_s, line.bytes) == (("x", "y"), 5.875, 4_200_000)
    assert (line.quote_usd, line.cost_usd, line.price_source) == (0.49, 0.49, "quote")
    assert (line.queue_s, line.run_s) == (1.0, 1.0)
    assert pd.Timestamp(row.finished_utc) == line.finished_utc
    ledger.set_cost(row.id, Decimal("0.44"))
    assert tuple(history(ledger).loc[0, ["cost_usd", "price_source"]]) == (0.44, "billing")


def test_the_service_own_figure_of_its_time_is_taken(ledger: Ledger, walk: Walk) -> None:
    """Polls see an end only when they look."""
    walk(clip(), *TO_COMPLETED, execution_ms=41_234)
    assert history(ledger).run_s[0] == 41.234


def test_what_is_unknown_is_na_and_never_nought(ledger: Ledger, walk: Walk) -> None:
    """A planned clip has a quote and a length as asked; a failed one has a cost that nobody knows."""
    walk(clip("planned"))
    walk(clip("failed"), "submitting", "submitted", "failed", error="no")
    walk(clip("no price", quote_usd=None, quote_source=None), "submitting")
    frame = history(ledger)
    assert list(frame.prompt) == ["no price", "failed", "planned"]
    assert frame[["cost_usd", "width", "path", "run_s", "rating", "name"]].isna().all(axis=None)
    assert frame.quote_usd.isna().tolist() == [True, False, False]
    assert frame.price_source[1:].tolist() == ["table", "table"]
    assert frame.duration_s.tolist() == [6.0] * 3
    assert tuple(frame.attrs[name] for name in ("total_usd", "saved_usd", "simulated_usd")) == (0.0, 0.0, 0.0)


def test_showing_a_clip_again_is_told_in_its_row(ledger: Ledger, walk: Walk) -> None:
    """How often, and what was not paid; the cost stays."""
    walk(clip(), *TO_COMPLETED)
    for _ in range(3):
        walk(clip())
    frame = history(ledger)
    assert tuple(frame.loc[0, ["reuses", "saved_usd", "cost_usd"]]) == (3, 1.47, 0.49)
    assert frame.attrs == {"total_usd": 0.49, "saved_usd": 1.47, "simulated_usd": 0.0}


def test_simulated_dollars_stay_apart(ledger: Ledger, walk: Walk) -> None:
    """Neither what they cost nor what they saved is real."""
    for service in ("simulator", "wavespeed"):
        walk(clip(service=service), *TO_COMPLETED)
        walk(clip(service=service))
    frame = history(ledger)
    assert frame.attrs == {"total_usd": 0.49, "saved_usd": 0.49, "simulated_usd": 0.49}
    assert history(ledger, service="simulator").attrs == {
        "total_usd": 0.0,
        "saved_usd": 0.0,
        "simulated_usd": 0.49,
    }


def test_a_thousand_clips_are_190_dollars(ledger: Ledger) -> None:
    """The sums are made before money becomes binary."""
    got = ledger.reserve(NewBatch(), [clip(str(n)) for n in range(1000)])
    ledger.set_costs({each.row.id: Decimal("0.19") for each in got})
    assert history(ledger).attrs["total_usd"] == 190.0


def test_the_frame_of_a_batch_tells_what_each_place_cost_here(ledger: Ledger, walk: Walk) -> None:
    """A cached clip costs 0 and shows what it saved; named twice, a clip is paid at its first place."""
    old = walk(clip("old"), *TO_COMPLETED)
    wanted = [clip("old", axes={"a": "1"}), clip("new", axes={"a": "2"}), clip("new", axes={"a": "3"})]
    batch, got = ledger.reserve_batch(NewBatch(notebook="a.ipynb", cell_id="c1"), wanted)
    for status in TO_COMPLETED:
        assert got[1].fence is not None
        ledger.move(got[1].row.id, fence=got[1].fence, to=status)
    frame = history(ledger, batch_id=batch)
    assert [old.id, got[1].row.id, got[1].row.id] == frame.id.tolist()
    assert frame["params.a"].tolist() == ["1", "2", "3"]
    assert frame.cost_usd.tolist() == [0.0, 0.49, 0.0]
    assert frame.saved_usd.tolist() == [0.49, 0.0, 0.0]
    assert frame.cached.tolist() == [True, False, False]
    assert (frame.columns[-1], str(frame.cached.dtype)) == ("cached", "boolean")
    assert frame.attrs == {"total_usd": 0.49, "saved_usd": 0.49, "simulated_usd": 0.0}
    assert "cached" not in history(ledger).columns


def test_the_cell_and_its_previous_version_are_in_the_row(ledger: Ledger) -> None:
    """The row knows the batch that first asked for it."""
    first = ledger.reserve_batch(NewBatch(notebook="a.ipynb", cell_id="c1", cell_text="a"), [clip("a")])[0]
    ledger.reserve(NewBatch(notebook="a.ipynb", cell_id="c1", cell_text="b"), [clip("b"), clip("a")])
    frame = history(ledger, cell_id="c1")
    assert [("a.ipynb", "c1", first), ("a.ipynb", "c1", None)] == [
        (line.notebook, line.cell_id, None if line.previous is pd.NA else line.previous)
        for line in frame.itertuples()
    ]


def test_filters_narrow_it(ledger: Ledger, walk: Walk) -> None:
    """Text, name, tag, variant, status, date, axis, service and number."""
    walk(clip("a FOX", axes={"light": "dawn"}, name="hero", tags=("x",)), *TO_COMPLETED)
    late = walk(clip("an owl", service="simulator", variant="fast"))

    def prompts(**filters: Any) -> list[str]:
        return list(history(ledger, **filters).prompt)

    assert (
        ["an owl", "a FOX"]
        == prompts()
        == prompts(variant=["fast", "t2v-pro"], status=["planned", "completed"])
    )
    assert (
        ["a FOX"]
        == prompts(text="fox")
        == prompts(name="hero")
        == prompts(tag="x")
        == prompts(status="completed")
    )
    assert ["a FOX"] == prompts(axes={"light": "dawn"}) == prompts(until=late.created_utc)
    assert ["an owl"] == prompts(variant="fast") == prompts(service="simulator") == prompts(limit=1)
    assert ["an owl"] == prompts(since=late.created_utc) == prompts(ids=[late.id])
    assert prompts(until=late.created_utc - timedelta(days=1)) == []


def test_what_somebody_wrote_into_the_file_still_reads(ledger: Ledger, walk: Walk) -> None:
    """Broken JSON is an empty value, and a status nobody knows is its own category."""
    walk(clip("a"))
    walk(clip("b", axes={"light": "dawn"}))
    with closing(sqlite3.connect(ledger.path)) as file:
        file.execute(
            "UPDATE clips SET inputs = '{', axes = '[', tags = 'x', status = 'odd' WHERE prompt = 'a'"
        )
        file.commit()
    frame = history(ledger)
    assert list(frame.inputs) == [{"prompt": "b", "enable_prompt_expansion": True}, None]
    assert list(frame.status) == ["planned", "odd"]
    assert frame["params.light"].isna().tolist() == [False, True]


def test_it_can_be_kept_as_other_formats(ledger: Ledger, walk: Walk, tmp_path: Path) -> None:
    """CSV and JSON hold it, and the sums are plain numbers."""
    walk(clip(axes={"light": "dawn"}), *TO_COMPLETED, **FACTS)
    frame = history(ledger)
    frame.to_csv(tmp_path / "history.csv")
    frame.to_json(tmp_path / "history.json", date_format="iso")
    assert {float} == {type(value) for value in frame.attrs.values()}


def test_loading_it_loads_no_pandas() -> None:
    """It comes with the first frame."""
    program = "import sys, hailuo_nb.analysis.history\nprint('pandas' in sys.modules, 'numpy' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False False\n"
