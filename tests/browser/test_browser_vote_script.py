"""The vote's script on a page of its own: both or none, seen through once, and nothing that tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lab import look
from playwright.sync_api import Browser, Page, expect
from widget_page import draw_clips, show, widget_page

from hailuo_nb.notebook.vote import VoteWidget

FIRST: dict[str, Any] = {"id": "v1", "tokens": ["aaa", "bbb"], "left": 12, "can_undo": False, "over": ""}
SECOND = {**FIRST, "tokens": ["ccc", "ddd"], "left": 11, "can_undo": True}
DONE = "All 12 votes are given. %hailuo rank fox shows the order."
OVER = {**FIRST, "tokens": None, "left": 0, "can_undo": True, "over": DONE}
PLAYING = "[...document.querySelectorAll('video')].filter((one) => one.currentTime > 0.1).length === 2"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Draw two small clips of a second, one wider than the other."""
    folder = tmp_path_factory.mktemp("small")
    first = draw_clips(folder, 1, width=480, height=270, length_s=1)[0].rename(folder / "first.mp4")
    return [first, *draw_clips(folder, 1, width=640, height=360, length_s=1)]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page."""
    with widget_page(browser) as page:
        yield page


def put(page: Page, small: list[Path], *, held: Sequence[str] = ()) -> None:
    """Draw a vote."""
    clips = {token: small[n % 2] for n, token in enumerate(("aaa", "bbb", "ccc", "ddd"))}
    show(page, str(VoteWidget._esm), str(VoteWidget._css), "vote", FIRST, clips, held=held)


def test_neither_shows_before_both_are_loaded(page: Page, small: list[Path]) -> None:
    """The second one is held back: the first stays hidden, and so do the answers."""
    put(page, small, held=["bbb"])
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    assert page.locator("video").evaluate("(one) => getComputedStyle(one).visibility") == "hidden"
    expect(page.get_by_role("button", name="Left")).to_be_disabled()
    page.evaluate("window.give('bbb')")
    page.wait_for_function(PLAYING)
    assert page.locator("video").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).visibility)"
    ) == [
        "visible",
        "visible",
    ]


def test_both_have_one_size_and_a_vote_counts_after_both_were_seen(page: Page, small: list[Path]) -> None:
    """Whatever their own sizes; before that a key is no vote."""
    put(page, small)
    page.locator(".hailuo-cv-vote").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("window.sent.filter((one) => one.type === 'vote')") == []
    page.wait_for_function(PLAYING)
    boxes = page.locator("video").evaluate_all(
        "(all) => all.map((one) => [one.clientWidth, one.clientHeight, one.getBoundingClientRect().y])"
    )
    assert boxes[0] == boxes[1]
    expect(page.get_by_role("button", name="Left")).to_be_enabled()
    expect(page.get_by_role("status")).to_have_text("Which is better?")
    look(page, "vote-light")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    votes = page.evaluate("window.sent.filter((one) => one.type === 'vote')")
    assert [(one["token"], one["answer"]) for one in votes] == [("aaa", "left")]
    assert votes[0]["took_ms"] > 500
    expect(page.get_by_role("button", name="Left")).to_be_disabled()
    page.evaluate("(state) => window.put(state)", SECOND)
    page.wait_for_function(PLAYING)
    expect(page.get_by_text("11 left")).to_be_visible()
    page.keyboard.press("u")
    assert page.evaluate("window.sent.at(-1)") == {"type": "undo"}


@pytest.mark.parametrize(
    ("key", "answer"), [("ArrowRight", "right"), ("ArrowUp", "tie"), ("ArrowDown", "both_bad")]
)
def test_the_other_keys(page: Page, small: list[Path], key: str, answer: str) -> None:
    """Each answer has one."""
    put(page, small)
    expect(page.get_by_role("button", name="Left")).to_be_enabled()
    page.locator(".hailuo-cv-vote").focus()
    page.keyboard.press(key)
    assert page.evaluate("window.sent.at(-1).answer") == answer


def test_a_busy_kernel_and_a_refusal_are_said(page: Page, small: list[Path]) -> None:
    """An answer that waits says so; one that was refused can be given again."""
    put(page, small)
    expect(page.get_by_role("button", name="Left")).to_be_enabled()
    page.get_by_role("button", name="Equal").click()
    status = page.get_by_role("status")
    expect(status).to_have_text("The kernel is busy; this is written when it is free")
    page.evaluate("window.answer({ type: 'answered', error: 'Not written: voted on elsewhere.' })")
    expect(status).to_have_text("Not written: voted on elsewhere.")
    expect(page.get_by_role("button", name="Left")).to_be_enabled()


def test_nothing_on_the_page_tells_them_apart(page: Page, small: list[Path]) -> None:
    """All of its markup: two videos with addresses of bytes, four answers, a number; no title, no name."""
    put(page, small)
    page.wait_for_function(PLAYING)
    sources = page.locator("video").evaluate_all("(all) => all.map((one) => one.getAttribute('src'))")
    assert all(source.startswith("blob:") for source in sources)
    sides = page.locator(".hailuo-cv-place").evaluate_all(
        """(all) => all.map((one) => one.outerHTML.replace(/blob:[^"]+/, 'BLOB').replace(/scaleX.[0-9.]+./, '')
             .replace(/(first|second) clip/, 'clip'))"""
    )
    assert sides[0] == sides[1]
    assert page.locator("[title], [data-key], a, img").count() == 0
    assert page.locator(".hailuo-cv-vote").inner_text().split() == [
        "←", "Left", "↑", "Equal", "↓", "Both", "bad", "→", "Right", "See", "both", "through", "once", "12", "left",
    ]  # fmt: skip


def test_after_the_last_one_line_says_what_to_run(page: Page, small: list[Path]) -> None:
    """No players are left; undo is."""
    put(page, small)
    page.wait_for_function(PLAYING)
    page.evaluate("(state) => window.put(state)", OVER)
    expect(page.get_by_role("status")).to_have_text(
        "All 12 votes are given. %hailuo rank fox shows the order."
    )
    assert page.locator("video").count() == 0
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_role("button", name="Left")).to_be_hidden()


def test_leaving_takes_everything_along(page: Page, small: list[Path]) -> None:
    """While it plays."""
    put(page, small)
    page.wait_for_function(PLAYING)
    page.evaluate("window.kept = [...document.querySelectorAll('video')]")
    page.evaluate("window.unrender()")
    assert page.evaluate("[listening(), timers.size, frames.size, blobs]") == [0, 0, 0, 0]
    assert page.evaluate("window[Symbol.for('hailuo.players')].length") == 0
    assert page.evaluate("kept.every((one) => one.paused && !one.hasAttribute('src'))")
    assert page.evaluate("document.querySelectorAll('.hailuo-cv-vote, video').length") == 0


def test_upper_and_lower_in_a_narrow_cell(browser: Browser, small: list[Path]) -> None:
    """Where they stand one below the other, the answers say so."""
    with widget_page(browser, size=(400, 800), scheme="dark") as page:
        put(page, small)
        page.wait_for_function(PLAYING)
        expect(page.get_by_role("button", name="Upper")).to_be_visible()
        ys = page.locator("video").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().y)")
        assert ys[0] < ys[1]
        look(page, "vote-narrow-dark")
