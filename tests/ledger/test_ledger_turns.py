"""Whose turn it is to send: limits, turns given back and pauses that all kernels share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_clips import planned

from hailuo_nb.ledger.rows import NewClip
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.ledger.turns import LONGEST_PAUSE_S

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]


def test_a_submit_waits_for_the_limits_that_all_kernels_share(
    open_ledger: Open, clip: Make, clock: Callable[[], float]
) -> None:
    """Two a minute, whoever sends; the wait says when the next may go."""
    first, second = open_ledger(), open_ledger()
    sends = [(ledger, *planned(ledger, clip(str(n)))) for n, ledger in enumerate((first, second, first))]

    def start(n: int) -> float:
        ledger, clip_id, fence = sends[n]
        return ledger.start_submit(clip_id, fence=fence, per_minute=2, key_fingerprint="k")[0]

    assert start(0) == 0.0
    clock.now += 20
    assert start(1) == 0.0
    assert start(2) == 40.0
    assert first.row(sends[2][1]).status == "planned"
    clock.now += 40
    assert start(2) == 0.0
    assert ((row := first.row(sends[2][1])).status, row.key_fingerprint) == ("submitting", "k")


def test_as_many_as_the_account_runs_at_once_are_out(ledger: Ledger, clip: Make) -> None:
    """A finished one makes room."""
    (a, fence_a), (b, fence_b) = planned(ledger, clip("a")), planned(ledger, clip("b"))
    assert ledger.start_submit(a, fence=fence_a, per_minute=100, at_once=1)[0] == 0.0
    assert ledger.start_submit(b, fence=fence_b, per_minute=100, at_once=1)[0] > 0.0
    ledger.move(a, fence=fence_a, to="failed")
    assert ledger.start_submit(b, fence=fence_b, per_minute=100, at_once=1)[0] == 0.0


def test_a_clock_that_is_put_back_does_not_stop_the_sending(
    ledger: Ledger, clip: Make, clock: Callable[[], float]
) -> None:
    """What lies in the future is not counted for an hour."""
    (a, fence_a), (b, fence_b) = planned(ledger, clip("a")), planned(ledger, clip("b"))
    assert ledger.start_submit(a, fence=fence_a, per_minute=1)[0] == 0.0
    clock.now -= 3600
    assert ledger.start_submit(b, fence=fence_b, per_minute=1)[0] == 0.0


def test_a_turn_whose_connection_never_opened_is_given_back(ledger: Ledger, clip: Make) -> None:
    """The service has counted nothing, so the next goes at once; one turn is given back and no more."""
    clips = [planned(ledger, clip(str(n))) for n in range(4)]

    def start(n: int) -> float:
        clip_id, fence = clips[n]
        return ledger.start_submit(clip_id, fence=fence, per_minute=2, key_fingerprint="k")[0]

    assert (start(0), start(1)) == (0.0, 0.0)
    ledger.move(clips[1][0], fence=clips[1][1], to="planned")
    ledger.give_turn_back("simulator", key_fingerprint="another key")
    assert start(1) > 0.0
    ledger.give_turn_back("simulator", key_fingerprint="k")
    assert start(2) == 0.0
    assert start(3) > 0.0


def test_a_pause_that_the_service_asked_for_holds_for_every_kernel(
    open_ledger: Open, clip: Make, clock: Callable[[], float]
) -> None:
    """One kernel hears 429, none sends until it is over; other keys go on; a shorter pause changes nothing."""
    first, second = open_ledger(), open_ledger()
    clip_id, fence = planned(second, clip("a"))
    first.pause_submits("simulator", 30.0, key_fingerprint="k")
    first.pause_submits("simulator", 5.0, key_fingerprint="k")
    assert second.start_submit(clip_id, fence=fence, per_minute=9, key_fingerprint="k")[0] == 30.0
    assert second.row(clip_id).status == "planned"
    other_id, other_fence = planned(second, clip("b"))
    assert second.start_submit(other_id, fence=other_fence, per_minute=9, key_fingerprint="other")[0] == 0.0
    clock.now += 30
    assert second.start_submit(clip_id, fence=fence, per_minute=9, key_fingerprint="k")[0] == 0.0


@pytest.mark.parametrize("written", ["99999999999999999999", "soon", "4102444800000"])
def test_a_pause_in_a_strangers_ledger_stops_nobody_for_long(
    ledger: Ledger, clip: Make, written: str
) -> None:
    """A time that is none, or years away, is no pause; one of ours is a quarter of an hour at the most."""
    ledger.pause_submits("simulator", 1e9, key_fingerprint="k")
    clip_id, fence = planned(ledger, clip("a"))
    wait_s = ledger.start_submit(clip_id, fence=fence, per_minute=9, key_fingerprint="k")[0]
    assert wait_s == LONGEST_PAUSE_S
    with ledger._write() as writing:
        writing.connection.exec_driver_sql("UPDATE memory SET value = ?", (written,))
    assert ledger.start_submit(clip_id, fence=fence, per_minute=9, key_fingerprint="k")[0] == 0.0
