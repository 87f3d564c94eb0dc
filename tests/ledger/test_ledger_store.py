"""Reading, memory, marks and names."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]
Carry = Callable[..., ClipRow]
TO_COMPLETED = ("submitting", "submitted", "processing", "downloading", "completed")


def test_rows_are_still_there_after_reopening(open_ledger: Open, clip: Make, carry: Carry) -> None:
    """With every column, event and sum."""
    first = open_ledger()
    row = carry(first, clip(axes={"a": "ü"}, tags=("x", "y")), *TO_COMPLETED, path="hailuo/clips/a.mp4")
    events, spent = first.events(row.id), first.committed_usd("simulator")
    first.close()
    again = open_ledger()
    assert ([row], events, spent) == (again.rows(), again.events(row.id), again.committed_usd("simulator"))


def test_rows_come_by_every_filter(ledger: Ledger, clip: Make, clock: Callable[[], float]) -> None:
    """Each filter alone gives the row it is meant for, in the order asked."""
    batch, (fox, owl, elk) = ledger.reserve_batch(
        NewBatch(notebook="a.ipynb", cell_id="c1"),
        [
            clip("a 50% FOX_", axes={"light": "dawn"}, name="hero", tags=('a"b',)),
            clip("an owl", service="wavespeed", variant="fast"),
            clip("an elk"),
        ],
    )
    clock.now += 60
    late = ledger.reserve(NewBatch(), [clip("late")])[0]
    ledger.move(elk.row.id, fence=elk.fence, to="cancelled")
    early = late.row.created_utc - timedelta(seconds=30)

    def ids(**filters: object) -> list[str]:
        return [row.id for row in ledger.rows(**filters)]

    assert [fox.row.id, owl.row.id, elk.row.id, late.row.id] == ids()
    assert [late.row.id, elk.row.id] == ids(newest_first=True, limit=2)
    assert [fox.row.id, owl.row.id, elk.row.id] == ids(batch=batch)
    assert [owl.row.id] == ids(service="wavespeed") == ids(variants=["fast"])
    assert [elk.row.id] == ids(statuses={"cancelled"})
    assert [fox.row.id] == ids(text="50% fox_") == ids(name="hero") == ids(tag='a"b')
    assert [] == ids(text="5%x") == ids(tag="a")
    assert [fox.row.id] == ids(axes={"light": "dawn"})
    assert ids(axes={"light": "noon"}) == []
    assert [late.row.id] == ids(since=early)
    assert 3 == len(ids(until=early)) == len(ids(notebook="a.ipynb", cell_id="c1"))
    assert [owl.row.id] == ids(request_hash=owl.row.request_hash, service="wavespeed")
    assert ids(ids=[]) == []
    assert [fox.row.id] == ids(ids=[fox.row.id, "nobody"])


def test_rows_come_by_more_ids_than_a_statement_has_room_for(ledger: Ledger, clip: Make) -> None:
    """A list is one value, whatever its length."""
    row = ledger.reserve(NewBatch(), [clip()])[0].row
    assert [row] == ledger.rows(ids=[row.id, *map(str, range(40_000))])


def test_out_is_what_a_submit_left_for(ledger: Ledger, clip: Make, carry: Carry) -> None:
    """Neither planned nor finished rows are."""
    carry(ledger, clip("planned"))
    carry(ledger, clip("done"), *TO_COMPLETED)
    out = [carry(ledger, clip(status), "submitting", status) for status in ("unconfirmed", "submitted")]
    elsewhere = carry(ledger, clip("x", service="wavespeed"), "submitting")
    assert out == ledger.out("simulator")
    assert [*out, elsewhere] == ledger.out()


def test_ids_are_found_by_their_beginning(ledger: Ledger, clip: Make) -> None:
    """As people type them; what could be several names them, what is none says so."""
    ids = sorted(each.row.id for each in ledger.reserve(NewBatch(), [clip(str(n)) for n in range(60)]))
    for each in ids:
        assert each == ledger.resolve_id(each.upper()) == ledger.resolve_id(f" {each[:6]}")
    twins = next(a[0] for a, b in itertools.pairwise(ids) if a[0] == b[0])
    with pytest.raises(InvalidRequest, match=f"'{twins}' could be {twins}"):
        ledger.resolve_id(twins)
    for nothing in ("", "  ", "{", "%", "\x00"):
        with pytest.raises(InvalidRequest, match="No clip's id begins"):
            ledger.resolve_id(nothing)


def test_an_id_that_is_taken_gets_longer(ledger: Ledger, clip: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clips whose short ids are alike still have two ids."""

    def short_id(_service: str, request_hash: str, _take: int, _attempt: int, length: int = 8) -> str:
        return "a" * 8 + request_hash[: length - 8]

    monkeypatch.setattr("hailuo_nb.ledger.reserving.short_id", short_id)
    rows = [each.row for each in ledger.reserve(NewBatch(), [clip("x"), clip("y"), clip("z")])]
    assert len({row.id for row in rows}) == 3
    assert ledger.resolve_id("aaaaaaaa") == "a" * 8


def test_memory_gives_back_what_is_not_too_old(ledger: Ledger, clock: Callable[[], float]) -> None:
    """Older than asked, unknown, or from a clock that was put back: nothing."""
    value = {"price": "0.49", "of": [1, None, "ü"]}
    ledger.remember("k", "old")
    ledger.remember("k", value)
    clock.now += 100
    assert [value, value, None] == [ledger.recall("k"), ledger.recall("k", 100), ledger.recall("k", 99)]
    assert ledger.recall("nobody") is None
    clock.now -= 10_000
    assert ledger.recall("k", 99_999) is None
    ledger.forget("k")
    assert ledger.recall("k") is None


def test_a_key_is_known_again_here_and_nowhere_else(open_ledger: Open, tmp_path: Path) -> None:
    """The salt is the ledger's own; any text may be a key, and none is in the file."""
    first, second = open_ledger(), open_ledger()
    assert first.fingerprint("canary-key") == second.fingerprint("canary-key")
    assert first.fingerprint("canary-key") != first.fingerprint("canary-kez")
    assert len(first.fingerprint("\ud800\n")) == 16
    with Ledger.open(tmp_path / "other" / "ledger.db") as other:
        assert other.fingerprint("canary-key") != first.fingerprint("canary-key")
    assert not any(b"canary-key" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_durations_are_of_the_last_clips_that_were_watched(
    open_ledger: Open, clip: Make, clock: Callable[[], float]
) -> None:
    """Newest first; a clip that was found done after a night tells only what the service says of it."""
    ledger = open_ledger()
    for n, seconds in enumerate((40, 50, 60)):
        got = ledger.reserve(NewBatch(), [clip(str(n))])[0]
        for status in ("submitting", "submitted"):
            ledger.move(got.row.id, fence=got.fence, to=status)
        clock.now += seconds
        if n == 1:
            ledger.release([got.row.id])
            fence = ledger.own([got.row.id])[got.row.id]
            ledger.move(got.row.id, fence=fence, to="downloading", execution_ms=45_500)
        else:
            ledger.move(got.row.id, fence=got.fence, to="downloading")
    assert ledger.durations("t2v-pro", "simulator", 5) == [60.0, 45.5, 40.0]
    assert ledger.durations("t2v-pro", "simulator", 1) == [60.0]
    assert ledger.durations("t2v-pro", "wavespeed", 5) == []


def test_a_person_marks_a_clip(ledger: Ledger, clip: Make) -> None:
    """What is not given stays; stars are 1 to 5, and 0 rejects."""
    row = ledger.reserve(NewBatch(), [clip()])[0].row
    ledger.rate(row.id, rating=4, note="good <b>light</b>")
    marked = ledger.rate(row.id, tags=("a", "b"), name="hero")
    assert (
        marked.rating,
        marked.note,
        marked.tags,
        marked.name,
    ) == (4, "good <b>light</b>", ("a", "b"), "hero")
    assert ledger.rate(row.id, rating=None).rating is None
    for wrong in (6, -1):
        with pytest.raises(InvalidRequest, match="1 to 5 stars"):
            ledger.rate(row.id, rating=wrong)


def test_what_is_not_there_gets_one_line(ledger: Ledger) -> None:
    """An unknown id is told, in reading and writing."""
    for ask in (
        lambda: ledger.row("nobody"),
        lambda: ledger.rate("nobody", rating=1),
        lambda: ledger.set_cost("nobody", Decimal(1)),
        lambda: ledger.again("nobody", quote_usd=None),
        lambda: ledger.requote({"nobody": Decimal(1)}),
    ):
        with pytest.raises(LedgerError, match="no clip nobody"):
            ask()
    assert ledger.batch("nobody") is None
    assert ledger.latest_version_of_cell("a.ipynb", "c1") is None


def test_threads_of_one_kernel_write_side_by_side(ledger: Ledger, clip: Make) -> None:
    """No row is lost and none is made twice."""

    def reserve(n: int) -> int:
        return sum(each.is_new for each in ledger.reserve(NewBatch(), [clip(str(n)), clip("shared")]))

    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(reserve, range(40)))
    assert 41 == new == len(ledger.rows())
