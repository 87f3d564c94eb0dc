"""A ledger of any size, written past the package into its real tables: a million clips take a minute or two.

`make` opens a new ledger as any kernel would, so that the tables are today's, and then fills them with what a person
who tries prompts leaves behind: cells of 1 to 24 clips, a few axes, some run again; nearly all clips done, one in forty
failed, and 200 still out whatever the size. Everything comes from the size alone, so two runs measure the same rows. Of
a clip's events there are the first and the last; a real ledger has all six, which nothing measured here reads.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from json.encoder import encode_basestring_ascii as _json
from pathlib import Path
from typing import Any

from hailuo_nb.ledger.measuring import NAMES
from hailuo_nb.ledger.rows import NewClip
from hailuo_nb.ledger.store import Ledger
from tests.benchmarks.made.prompts import prompts

# Variant, width, height, seconds, micro-dollars.
VARIANTS = (
    ("t2v-standard", 1366, 768, 6, 280_000),
    ("t2v-pro", 1920, 1080, 6, 490_000),
    ("i2v-standard", 1366, 768, 10, 560_000),
    ("i2v-fast", 1366, 768, 6, 190_000),
)
LIGHTS = ("dawn", "noon", "dusk", "night")
CELLS = (1, 4, 2, 8, 1, 24, 4, 12, 1)  # how many clips one cell asks for
STILL_OUT = 200
FIRST_MS = 1_760_000_000_000
SERVICE = "wavespeed"
CLIP = (
    *(
        "seq",
        "id",
        "batch_id",
        "name",
        "take",
        "attempt",
        "service",
        "status",
        "variant",
        "model_id",
        "prompt",
    ),
    *(
        "prompt_template",
        "axes",
        "inputs",
        "asked_duration_s",
        "duration_s",
        "width",
        "height",
        "fps",
        "codec",
    ),
    *("frames", "has_audio", "quote_micros", "quote_source", "quote_as_of", "cost_micros", "price_source"),
    *("created_utc_ms", "submitted_utc_ms", "started_utc_ms", "generated_utc_ms", "finished_utc_ms"),
    *("moved_utc_ms", "execution_ms", "path", "sha256", "bytes", "rating", "tags", "error", "error_kind"),
    *("prediction_id", "url", "url_expires_utc_ms", "request_hash", "key_fingerprint", "was_accepted"),
)


def make(path: Path, clips: int) -> None:
    """Write a new ledger with so many clips; `wanted` gives the last ones as a cell would ask for them."""
    with Ledger.open(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA cache_size = -400000")
        file.execute("BEGIN")
        # An index over rows that are there is made several times faster than one that grows with them.
        later = file.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in later:
            file.execute(f"DROP INDEX {name}")
        _fill(file, clips)
        for _, statement in later:
            file.execute(statement)
        file.execute("COMMIT")
    # What counts in the budget is summed up when a ledger is opened, and WAL is switched on again.
    with Ledger.open(path):
        pass


def wanted(number: int, *, is_new: bool = False) -> NewClip:
    """Give the clip with this number, from 0, as a cell would ask for it; or one that no ledger has."""
    variant, _, _, seconds, _ = VARIANTS[number % len(VARIANTS)]
    return NewClip(
        service=SERVICE,
        request_hash=_hash(f"new {number}" if is_new else f"request {number}"),
        variant=variant,
        model_id=f"minimax/hailuo-2.3/{variant}",
        prompt=f"a clip, number {number}",
        inputs={"prompt": f"a clip, number {number}"},
        duration_s=seconds,
    )


def _fill(file: sqlite3.Connection, clips: int) -> None:
    """Write the rows of every table."""
    marks = ", ".join("?" * len(CLIP))
    file.executemany(f"INSERT INTO clips ({', '.join(CLIP)}) VALUES ({marks})", _clips(clips))
    file.execute(
        "INSERT INTO batches (id, created_utc_ms, kernel, notebook, cell_id, cell_text, cell_hash, previous)"
        " SELECT batch_id, created_utc_ms, 'kmade', 'study-' || (seq / 2000) || '.ipynb', 'cell-' || (seq / 60),"
        " '%%hailuo' || char(10) || prompt, substr(request_hash, 1, 64),"
        " CASE WHEN seq % 3 THEN lag(batch_id) OVER (ORDER BY seq) END FROM clips GROUP BY batch_id ORDER BY seq"
    )
    file.execute(
        "INSERT INTO batch_clips SELECT batch_id, row_number() OVER (PARTITION BY batch_id ORDER BY seq) - 1,"
        " id, 'new', axes, prompt_template, NULL FROM clips"
    )
    for event, status, detail, also in (
        ("status", "'planned'", "", ""),
        ("status", "status", "saved", ""),
        ("reused", "'completed'", "", "WHERE seq % 5 = 0 AND status = 'completed'"),
    ):
        file.execute(
            "INSERT INTO events (clip_id, at_utc_ms, event, status, detail, kernel, batch_id, saved_micros)"
            f" SELECT id, moved_utc_ms, '{event}', {status}, '{detail}', 'kmade', batch_id,"
            f" {'quote_micros' if event == 'reused' else 'NULL'} FROM clips {also} ORDER BY seq"
        )
    file.execute(
        "INSERT INTO votes (ballot_id, number, left_clip, right_clip, answer, voted_utc_ms)"
        " SELECT 'vmade', seq, id, (SELECT id FROM clips AS other WHERE other.seq = clips.seq - 1),"
        " CASE seq % 4 WHEN 0 THEN 'tie' WHEN 1 THEN 'left' ELSE 'right' END, moved_utc_ms"
        " FROM clips WHERE seq % 50 = 0"
    )
    values = ", ".join(f"(seq * 7919 % 1000) / {100 + at}.0" for at in range(len(NAMES)))
    file.execute(
        f"INSERT INTO measures (clip_id, version, measured_utc_ms, {', '.join(NAMES)})"
        f" SELECT id, 1, moved_utc_ms, {values} FROM clips WHERE seq % 10 = 0 ORDER BY id"
    )


def _clips(count: int) -> Iterator[tuple[Any, ...]]:
    """Make the rows of the clips, oldest first, cell by cell."""
    lines = prompts(min(count, 20_000))
    seq = cell = 0
    while seq < count:
        cell += 1
        size = CELLS[cell % len(CELLS)]
        line = lines[cell % len(lines)]
        name = f"hero-{cell}" if cell % 7 == 0 else None
        for at in range(min(size, count - seq)):
            yield _clip(seq, f"b{cell:010x}", line, LIGHTS[at % 4] if size > 1 else "", name, count)
            seq += 1


def _clip(number: int, batch: str, line: str, light: str, name: str | None, count: int) -> tuple[Any, ...]:
    """Make one row; plain arithmetic in place of dice, which would take most of the time."""
    variant, width, height, seconds, micros = VARIANTS[number % len(VARIANTS)]
    request = _hash(f"request {number}")
    prompt = f"{line}, {light}" if light else line
    is_out, is_failed = count - number <= min(STILL_OUT, count // 5), number % 40 == 7
    is_done = not is_out and not is_failed
    created = FIRST_MS + number * 20_000
    took = 24_000 + number * 7_919 % 84_000
    done, prediction = created + 900 + took, request[:32]
    return (
        number + 1,
        f"c{request[52:]}",
        batch,
        name,
        1,
        1,
        SERVICE,
        "processing" if is_out else "failed" if is_failed else "completed",
        variant,
        f"minimax/hailuo-2.3/{variant}",
        prompt,
        f"{line}, {{light: dawn|noon|dusk|night}}" if light else line,
        f'{{"light":"{light}"}}' if light else "{}",
        f'{{"prompt":{_json(prompt)},"duration":{seconds},"enable_prompt_expansion":false}}',
        float(seconds),
        *((seconds - 0.125, width, height, 24.0, "h264", seconds * 24, 0) if is_done else (None,) * 7),
        micros,
        "table",
        "2026-11-01",
        micros if is_done else None,
        ("billing" if number % 3 else "quote") if is_done else None,
        created,
        created + 400,
        created + 900,
        None if is_out else done,
        None if is_out else done + 2_000,
        created + 1_000 if is_out else done + 2_000,
        took if is_done else None,
        f"hailuo/clips/clip-{request[:8]}-{number}-t1.mp4" if is_done else None,
        request[::-1] if is_done else None,
        2_000_000 + number * 104_729 % 7_000_000 if is_done else None,
        number % 6 if is_done and number % 9 == 0 else None,
        '["keep","sea"]' if number % 11 == 0 else "[]",
        "The service refused the prompt." if is_failed else None,
        "ContentRejected" if is_failed else None,
        prediction,
        f"https://files.example/outputs/{prediction}.mp4" if is_done else None,
        done + 604_800_000 if is_done else None,
        request,
        "0f0f0f0f",
        1,
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
