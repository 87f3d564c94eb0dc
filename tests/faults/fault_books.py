"""Three books of the same clips, compared: the simulator's bill, the ledger, the files.

In come the simulator's address, a notebook's folder, what its cells wanted and what the proxy saw; out come
`Violation`s, each of one kind. Nothing here uses the package: the ledger is read as SQLite, the bill over HTTP, the
files by decoding.
"""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cheap_simulator import FRAMES, pattern_in, pattern_of
from fault_proxy import Seen

__all__ = [
    "KINDS",
    "Violation",
    "Wish",
    "after_a_kill",
    "compare",
    "ledger_rows",
    "predictions",
    "within_budget",
]

KINDS = (
    "billed twice",
    "posted twice",
    "billed and unknown",
    "completed without a file",
    "another clip's file",
    "stuck",
    "missing",
    "cost differs",
    "over budget",
    "budget refused",
    "key sent away",
    "error",
)
MAY_BE_PAID = (
    "submitting",
    "unconfirmed",
    "submitted",
    "processing",
    "downloading",
    "completed",
    "failed",
    "abandoned",
)
RUNNING = ("submitting", "submitted", "processing", "downloading")
NEXT_STEP = re.compile(r"%hailuo \w+|[Rr]un(ning)? (its|the) cell|raise --takes|change the prompt|[Tt]op up")


@dataclass(frozen=True)
class Violation:
    """One promise that was broken."""

    kind: str
    text: str


@dataclass(frozen=True)
class Wish:
    """What a cell wants: so many takes of one request."""

    variant: str
    prompt: str
    takes: int = 1


@dataclass
class Books:
    """What the three books say of one run."""

    bill: list[dict[str, Any]]
    net_usd: Mapping[str, float]
    rows: list[dict[str, Any]]
    folder: Path
    wishes: Sequence[Wish] = field(default_factory=tuple)


def ask(base_url: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make one call of the simulator, past the proxy."""
    request = urllib.request.Request(
        f"{base_url}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": "Bearer the-books", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())["data"]
    return found


def predictions(base_url: str, since: str, prompts: Iterable[str]) -> list[dict[str, Any]]:
    """List what the simulator made of these prompts, oldest first."""
    wanted = set(prompts)
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        body = {"page": page, "page_size": 100, "created_after": since, "include_inputs": True}
        items = ask(base_url, "/api/v3/predictions", body)["items"]
        found += [item for item in items if item["inputs"].get("prompt") in wanted]
        if len(items) < 100:
            return found[::-1]
        page += 1


def net_bill(base_url: str, ids: Sequence[str]) -> dict[str, float]:
    """Give what each prediction cost after refunds."""
    net: dict[str, float] = dict.fromkeys(ids, 0.0)
    for start in range(0, len(ids), 50):
        body = {"page": 1, "page_size": 100, "prediction_uuids": list(ids[start : start + 50])}
        for line in ask(base_url, "/api/v3/billings/search", body)["items"]:
            sign = 1 if line["billing_type"] == "deduct" else -1
            net[line["prediction"]["uuid"]] += sign * line["price"]
    return net


def ledger_rows(folder: Path) -> list[dict[str, Any]]:
    """Read every clip of a ledger as it lies on disk; none where there is no ledger."""
    path = folder / "hailuo" / "ledger.db"
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as ledger:
        ledger.row_factory = sqlite3.Row
        if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'clips'").fetchone():
            return []
        return [dict(row) for row in ledger.execute("SELECT * FROM clips ORDER BY seq")]


def after_a_kill(base_url: str, since: str, folder: Path, wishes: Sequence[Wish]) -> list[Violation]:
    """Hold a ledger whose kernel just died against the bill: it must know every clip that may have been paid."""
    prompts = {wish.prompt for wish in wishes}
    made = Counter(item["inputs"]["prompt"] for item in predictions(base_url, since, prompts))
    rows = Counter(row["prompt"] for row in ledger_rows(folder) if row["status"] in MAY_BE_PAID)
    return [
        Violation(
            "billed and unknown", f"{made[prompt]} made of {prompt!r}, the ledger counts with {rows[prompt]}"
        )
        for prompt in made
        if made[prompt] > rows[prompt]
    ]


def within_budget(
    base_url: str, since: str, wishes: Sequence[Wish], report: Mapping[str, Any] | None, budget_usd: float
) -> list[Violation]:
    """Hold the bill and the cells against a budget that is exactly enough: never over it, and never refused by it."""
    made = [item["id"] for item in predictions(base_url, since, {wish.prompt for wish in wishes})]
    net = sum(net_bill(base_url, made).values())
    found = [Violation("over budget", f"{net:.2f} of {budget_usd:.2f}")] if net > budget_usd + 1e-9 else []
    refused = [text for text in (report or {}).get("errors", ()) if "BudgetExceeded" in text]
    return found + [Violation("budget refused", text) for text in refused]


def compare(
    base_url: str,
    since: str,
    folder: Path,
    wishes: Sequence[Wish],
    seen: Sequence[Seen],
    report: Mapping[str, Any] | None,
    keys: Sequence[str],
) -> list[Violation]:
    """Compare the books after everything has settled."""
    bill = predictions(base_url, since, {wish.prompt for wish in wishes})
    books = Books(
        bill, net_bill(base_url, [item["id"] for item in bill]), ledger_rows(folder), folder, wishes
    )
    if report is None:
        return [Violation("error", "the last notebook left no report")]
    found = (
        _money(books)
        + (_costs(books) if report.get("settled") == "yes" else [])
        + _posts(seen, wishes)
        + _files(books)
        + _ends(books, report)
        + _keys(seen, keys)
    )
    if report.get("traceback"):
        found.append(Violation("error", report["traceback"][-1500:]))
    return found


def _money(books: Books) -> list[Violation]:
    """No clip paid twice, none paid and unknown."""
    found = []
    for wish in books.wishes:
        paid = [
            item["id"]
            for item in books.bill
            if item["inputs"]["prompt"] == wish.prompt and books.net_usd[item["id"]] > 0
        ]
        if len(paid) > wish.takes:
            found.append(
                Violation(
                    "billed twice", f"{len(paid)} clips of {wish.prompt!r}, {wish.takes} wanted: {paid}"
                )
            )
    known = {row["prediction_id"] for row in books.rows}
    for item in books.bill:
        if item["id"] not in known:
            told = [
                (row["status"], row["error"])
                for row in books.rows
                if row["prompt"] == item["inputs"]["prompt"]
            ]
            found.append(
                Violation(
                    "billed and unknown", f"{item['id']} of {item['inputs']['prompt']!r}; rows say {told}"
                )
            )
    return found


def _costs(books: Books) -> list[Violation]:
    """After settling, the ledger says of each clip what the bill says."""
    return [
        Violation("cost differs", f"{row['id']}: the ledger has {row['cost_micros']}, the bill {net:.2f}")
        for row in books.rows
        if (net := books.net_usd.get(row["prediction_id"])) is not None
        and row["price_source"] == "billing"
        and row["cost_micros"] != round(net * 1_000_000)
    ]


def _posts(seen: Sequence[Seen], wishes: Sequence[Wish]) -> list[Violation]:
    """At most one POST of a clip that may have been accepted, whether or not it was."""
    posts = Counter(each.prompt for each in seen if each.call == "submit" and not each.was_surely_refused)
    return [
        Violation("posted twice", f"{posts[wish.prompt]} POSTs of {wish.prompt!r}, {wish.takes} wanted")
        for wish in wishes
        if posts[wish.prompt] > wish.takes
    ]


def _files(books: Books) -> list[Violation]:
    """Every completed row has its own, whole, playable file."""
    found = []
    takes = _takes(books.bill)
    for row in books.rows:
        if row["status"] != "completed":
            continue
        path = books.folder / str(row["path"])
        try:
            pattern, frames = pattern_in(path)
        except Exception as error:
            found.append(Violation("completed without a file", f"{row['id']} {row['path']}: {error!r}"))
            continue
        if frames != FRAMES:
            found.append(
                Violation("completed without a file", f"{row['path']} has {frames} of {FRAMES} frames")
            )
        right = pattern_of(row["variant"], row["prompt"], takes.get(row["prediction_id"], 0))
        if pattern != right:
            found.append(
                Violation("another clip's file", f"{row['id']} ({row['prediction_id']}): {row['path']}")
            )
    paths = Counter(row["path"] for row in books.rows if row["path"])
    found += [Violation("another clip's file", f"{path} is {n} clips'") for path, n in paths.items() if n > 1]
    return found


def _takes(bill: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Tell which take the simulator counted for each prediction."""
    counts: Counter[str] = Counter()
    takes: dict[str, int] = {}
    for item in bill:
        inputs = {name: value for name, value in item["inputs"].items() if name != "image"}
        same = json.dumps([item["model"], inputs], sort_keys=True)
        counts[same] += 1
        takes[item["id"]] = counts[same]
    return takes


def _ends(books: Books, report: Mapping[str, Any]) -> list[Violation]:
    """Nothing runs for ever, what is not here says what to do, and every wish has its rows."""
    found = []
    told = {job["id"]: job for job in report["jobs"]}
    made = {item["id"]: item["status"] for item in books.bill}
    for row in books.rows:
        job = told.get(row["id"])
        if row["status"] in RUNNING:
            found.append(
                Violation(
                    "stuck",
                    f"{row['id']} is {row['status']} and the service says {made.get(row['prediction_id'])}: "
                    f"{row['error']}; note {job and job['note']!r}",
                )
            )
        elif row["status"] not in {"completed", "cancelled", "abandoned"} and not _has_next(row, books.rows):
            card = job["card"] if job else "not on any card"
            if not NEXT_STEP.search(card):
                found.append(
                    Violation(
                        "stuck", f"{row['id']} is {row['status']}, its card names no step: {card[:400]}"
                    )
                )
    counts = Counter(row["prompt"] for row in books.rows)
    found += [
        Violation("missing", f"{counts[wish.prompt]} rows of {wish.prompt!r}, {wish.takes} wanted")
        for wish in books.wishes
        if counts[wish.prompt] < wish.takes
    ]
    return found


def _has_next(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a later attempt of the same clip stands on the card in this one's place."""
    same = ("service", "request_hash", "take")
    return any(
        other["attempt"] > row["attempt"] and all(other[name] == row[name] for name in same) for other in rows
    )


def _keys(seen: Sequence[Seen], keys: Sequence[str]) -> list[Violation]:
    """Say where the key went, beside the service."""
    found = []
    for each in seen:
        if each.listener == "service":
            continue
        whole = f"{each.path}\n{each.headers}\n".encode() + each.body
        if any(key.encode() in whole for key in keys) or any(
            n.lower() == "authorization" for n, _ in each.headers
        ):
            found.append(
                Violation("key sent away", f"{each.method} {each.path} at {each.listener}: {each.headers}")
            )
    return found
