"""A button that was shown is good for one click, and the words on it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from form_world import clips_of, read_form

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.form.costs import cost_of, grown, purse_text, wrong
from hailuo_nb.notebook.form.latest import Latest
from hailuo_nb.notebook.form.preview import preview_of
from hailuo_nb.notebook.form.source import Pieces
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.form.till import Shown, Till
from hailuo_nb.prompts.grammar import parse_cell
from hailuo_nb.session.forecast import Forecast

FOX, DOG = FormState("t2v-pro", "a fox"), FormState("t2v-pro", "a dog")
USD = Decimal("0.49")


def test_a_stamp_is_taken_once() -> None:
    """The second click on the same button finds nothing, and the button stays pressed."""
    till = Till()
    stamp = till.show(FOX, USD)
    assert till.show(FOX, USD) == stamp
    assert till.take(stamp) == Shown(stamp, FOX, USD)
    assert till.take(stamp) is None
    assert till.show(FOX, USD) == 0


def test_of_many_clicks_at_once_one_counts() -> None:
    """Clicks from many threads at the same moment pay once."""
    till = Till()
    stamp, taken, ready = till.show(FOX, USD), [], threading.Barrier(16)

    def click() -> None:
        ready.wait()
        taken.append(till.take(stamp))

    threads = [threading.Thread(target=click) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len([each for each in taken if each is not None]) == 1


def test_a_change_arms_the_button_again() -> None:
    """Another text, or the old one after another, is another button."""
    till = Till()
    first = till.show(FOX, USD)
    till.take(first)
    second = till.show(DOG, USD)
    assert second > first
    assert till.show(FOX, USD) > second


def test_an_older_button_or_none_takes_nothing() -> None:
    """A click that comes after the sum has changed, or on no button at all, counts for nothing."""
    till = Till()
    old = till.show(FOX, USD)
    till.show(FOX, USD + 1)
    assert till.take(old) is None
    assert till.take(None) is None
    till.hide(FOX)
    assert till.take(old + 1) is None


def test_what_was_not_sent_can_be_pressed_again() -> None:
    """After a refusal the same button comes back under another stamp."""
    till = Till()
    stamp = till.show(FOX, USD)
    till.take(stamp)
    till.give_back()
    assert till.show(FOX, USD) > stamp


def made(prompt: str, takes: int = 1, service: str = "wavespeed") -> Forecast:
    """Give what a form would make, all of it new."""
    reading = read_form(FormState("t2v-pro", prompt, takes=takes), Path.cwd())
    assert reading.asked is not None
    clips = clips_of(reading.asked)
    return Forecast(clips, clips, service)


def test_the_button_says_the_sum_and_what_it_is_made_of() -> None:
    """Real and simulated money are told apart, and a price of the table says its day."""
    view = cost_of(made("a fox", takes=2), stamp=1)
    assert (view.label, view.price) == ("Generate · $0.98", "2 clips at $0.49 · price list of 2026-08-18")
    simulated = cost_of(made("a fox", service="simulator"), stamp=1, is_asking=True)
    assert (simulated.label, simulated.price) == (
        "Generate · $0.49 simulated",
        "1 clip at $0.49 · asking the service",
    )


def test_what_is_there_costs_nothing() -> None:
    """With nothing new the button shows clips instead of making them."""
    one = made("a fox", takes=2)
    view = cost_of(Forecast(one.clips, (), "wavespeed"), stamp=1)
    assert (view.label, view.price) == ("Show", "2 clips, made or on the way: nothing to pay")
    some = cost_of(Forecast(one.clips, one.clips[:1], "wavespeed"), stamp=1)
    assert some.label == "Generate · $0.49"
    assert "1 made or on the way" in some.price


def test_a_fault_that_no_field_shows_yet_stands_beside_the_button() -> None:
    """Before somebody has been in a field, the button says what it waits for; after that the field does."""
    faults = {"prompt": "It needs a prompt.", "image": "It needs a picture."}
    assert wrong(faults, touched=frozenset()).note == "It needs a prompt."
    assert wrong(faults, touched=frozenset({"prompt"})).note == "It needs a picture."
    assert wrong(faults, touched=frozenset(faults)).note == "2 fields need another look."
    assert not wrong(faults, touched=frozenset()).is_ready


def test_the_purse_and_a_grown_price_in_words() -> None:
    """Only what is known is said."""
    assert purse_text(None, None, is_simulated=False) == ""
    assert (
        purse_text(Decimal("6.08"), Decimal("12.34"), is_simulated=False)
        == "budget left $6.08 · balance $12.34"
    )
    assert purse_text(None, Decimal(1), is_simulated=True) == "simulated balance $1.00"
    assert grown(USD, Decimal("0.60")).startswith(
        "Nothing was sent: the price is $0.60 now, the button said $0.49."
    )


@pytest.mark.parametrize(
    ("text", "line", "count"),
    [
        ("a fox", "", 0),
        ("a {b|c}", "2 prompts, one for each alt1", 2),
        ("{a: x|y} {b: 1|2|3}", "a 2 × b 3 = 6 prompts", 6),
        ("one\n---\n{a: x|y}", "1 + a 2 = 3 prompts", 3),
        ("one\n---\ntwo", "2 prompts", 2),
        ("{a: 1|2|3} {b: 1|2|3}", "a 3 × b 3 = 9 prompts", 6),
        ("{light} fox", "{light} is sent as it stands; give light values below to make a clip of each.", 0),
        ("\\{x}", "1 prompt", 1),
    ],
)
def test_a_preview_counts_and_shows(text: str, line: str, count: int) -> None:
    """Axes and their product in one line, and the first prompts."""
    shown = preview_of(parse_cell(text, namespace={}))
    assert (shown.line, len(shown.prompts)) == (line, count)


def test_pieces_make_a_whole_picture_or_nothing() -> None:
    """Pieces in order are put together; a missing one, or too many, is refused and forgotten."""
    pieces = Pieces()
    assert pieces.take("a.png", 0, 2, b"one") is None
    assert pieces.take("a.png", 1, 2, b"two") == ("a.png", b"onetwo")
    assert pieces.take("b.png", 0, 3, b"one") is None
    with pytest.raises(InvalidRequest, match="did not come whole"):
        pieces.take("b.png", 2, 3, b"three")
    for wrong_piece in ((1, 2), (0, 0), (0, 65), ("0", 1), (0, None)):
        with pytest.raises(InvalidRequest, match="did not come whole"):
            pieces.take("c.png", *wrong_piece, b"x")
    assert pieces.take("d.png", 0, 1, b"x") == ("d.png", b"x")


def test_only_the_newest_request_is_done_and_a_failure_ends_nothing() -> None:
    """Requests in quick succession are one; an error in the job leaves the thread at work; closing ends it."""
    done, again = threading.Event(), threading.Event()
    calls: list[datetime] = []

    def job() -> None:
        calls.append(datetime.now(UTC))
        (again if done.is_set() else done).set()
        raise RuntimeError("once")

    latest = Latest(job, 0.05, "test-latest")
    for _ in range(20):
        latest.ask()
    assert done.wait(10)
    assert len(calls) == 1
    latest.ask(at_once=True)
    assert again.wait(10)
    latest.close()
    latest.ask()
    assert len(calls) == 2
