"""What the benchmarks count and noise cannot move: requests, connections, refusals, lateness by half, memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hailuo_nb.session.session import Session
from tests.benchmarks.made.running import Service, at_service, stand_in
from tests.benchmarks.made.stand_in import Ways
from tests.benchmarks.thousand_clips import taken_share

# What 1 s pollers are late on the average, whatever the clips take.
POLLERS_LATE_S = 0.5
WAYS = Ways(median_s=2.4, tail=0.0, clip_bytes=20_000)


@contextmanager
def session_at(
    folder: Path, service: Service, monkeypatch: pytest.MonkeyPatch, **limits: object
) -> Iterator[Session]:
    """Give a session that takes the stand-in for the real service."""
    for name, text in at_service(service, confirm_above_usd=10_000, max_clips=500, **limits).items():
        monkeypatch.setenv(name, text)
    session = Session(folder)
    try:
        yield session
    finally:
        session.close()


def make(session: Session, words: str, count: int) -> None:
    """Make so many clips, and wait for them."""
    batch = session.generate(
        f"{words} {{number}}",
        "t2v-standard",
        vary={"number": [str(number) for number in range(count)]},
        yes=True,
    )
    assert batch.wait(60)
    assert {job.status for job in batch} == {"completed"}


def test_many_clips_take_few_requests_and_are_noticed_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most half of the polls of somebody who asks every second, half of their lateness, one pool, no memory kept."""
    notebook = tmp_path / "notebook"
    notebook.mkdir()
    with (
        stand_in(tmp_path, WAYS) as service,
        session_at(notebook, service, monkeypatch, tier="gold") as session,
    ):
        for words, count in (("a first fox", 20), ("a hare", 20), ("an owl", 120)):
            before = psutil.Process().memory_full_info().uss
            make(session, words, count)
            grew = psutil.Process().memory_full_info().uss - before
            books = service.books()
            assert books.requests["submit"] == books.requests["file"] == len(books.entries) == count
            assert "429" not in books.requests
            # Less than half where nothing runs beside it; on a busy machine late answers cost polls.
            assert books.polls <= 0.75 * sum(math.ceil(entry.takes_s) for entry in books.entries)
            assert books.connections <= count + 40, "each submit has one of its own, the rest share a pool"
        # The first batch brings the libraries with it, and lateness is measured where the past is known.
        assert grew < 40e6
        assert books.mean_lateness_s <= 0.75 * POLLERS_LATE_S


def test_an_accounts_limits_are_used_and_not_overrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are taken again as soon as they are free, and no submit is refused."""
    ways = Ways(median_s=1.5, sigma=0.2, tail=0.0, clip_bytes=20_000)
    notebook = tmp_path / "notebook"
    notebook.mkdir()
    with (
        stand_in(tmp_path, ways) as service,
        session_at(notebook, service, monkeypatch, tier="gold", concurrency=6) as session,
    ):
        make(session, "a fox", 24)
        books = service.books()
    assert "429" not in books.requests
    running = [
        sum(other.created <= entry.created < other.done for other in books.entries) for entry in books.entries
    ]
    assert max(running) <= 6
    assert taken_share(books.entries, 6) > 0.7
