"""The static twin in a real JupyterLab: played by the pointer, opened full size, with and without trust."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from lab import LabServer, NotebookPage, look, open_notebook, plays
from playwright.sync_api import Browser, Locator, Page, expect

SETUP = "from card_driver import *"
EIGHT = """
a = [done(clip(i, prompt=f'A fox, number {i}')) for i in range(8)]
end = card(*a, batch='twin')
show_static(end, posters_of(end))
"""
# Of Chromium's native controls: pixels from the left and the lower edge.
PLAY_BUTTON = (26, 48)
TIME_LINE = (160, 20)


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser) -> Iterator[NotebookPage]:
    """One notebook with a card of eight finished clips, saved."""
    server.write("twin.ipynb", [SETUP, EIGHT])
    with open_notebook(server, browser, "twin.ipynb") as notebook:
        notebook.run(0, 1)
        expect(notebook.cell(1).locator(".hailuo-twin video")).to_have_count(8)
        notebook.save()
        yield notebook


def is_playing(page: Page, video: Locator) -> None:
    """Wait until a player moves."""
    page.wait_for_function(
        "(video) => !video.paused && video.currentTime > 0.05", arg=video.element_handle(), timeout=30_000
    )


def is_at_rest(page: Page, video: Locator) -> None:
    """Wait until a player shows its poster again and holds no connection."""
    page.wait_for_function(
        "(video) => video.paused && video.currentTime === 0 && video.readyState === 0",
        arg=video.element_handle(),
        timeout=30_000,
    )


def away(page: Page) -> None:
    """Move the pointer off every clip."""
    page.mouse.move(2, 2)


def press(video: Locator, x: float, from_below: float) -> None:
    """Click at a place of a player, counted from its left and lower edges."""
    box = video.bounding_box()
    assert box is not None
    video.page.mouse.click(box["x"] + x, box["y"] + box["height"] - from_below)


def opens_full_size(page: Page, video: Locator) -> None:
    """Open the clip by a click on its picture and by Enter; close it by Escape, its button, a click beside it."""
    dialog = page.locator("dialog[open]")
    video.click(position={"x": 160, "y": 50})
    plays(page, dialog.locator("video"))
    assert video.evaluate("(video) => video.paused")
    look(page, "twin-full-size")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    away(page)
    video.focus()
    page.keyboard.press("Enter")
    is_playing(page, dialog.locator("video"))
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert video.evaluate("(video) => video === document.activeElement")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(1)
    page.mouse.click(4, 4)
    expect(page.locator("dialog")).to_have_count(0)
    away(page)


def plays_under_the_pointer(page: Page, video: Locator) -> None:
    """Hover, which plays without sound, and leave, which brings the poster back."""
    video.hover(position={"x": 160, "y": 50})
    is_playing(page, video)
    assert video.evaluate("(video) => video.muted")
    away(page)
    is_at_rest(page, video)


def test_hovering_plays_and_a_click_opens_full_size(lab: NotebookPage) -> None:
    """In the cell that has just run."""
    cell = lab.cell(1)
    cell.scroll_into_view_if_needed()
    plays_under_the_pointer(lab.page, cell.locator("video").nth(1))
    opens_full_size(lab.page, cell.locator("video").nth(2))
    assert lab.errors == []


def test_the_native_controls_stay_their_own(lab: NotebookPage) -> None:
    """Play, pause and the time line open nothing, and whoever used them keeps what they set."""
    video = lab.cell(1).locator("video").first
    video.scroll_into_view_if_needed()
    video.hover(position={"x": 160, "y": 50})
    is_playing(lab.page, video)
    press(video, *PLAY_BUTTON)
    lab.page.wait_for_function("(video) => video.paused", arg=video.element_handle())
    press(video, *TIME_LINE)
    lab.page.wait_for_function(
        "(video) => video.paused && video.currentTime > 0.6", arg=video.element_handle(), timeout=30_000
    )
    where = video.evaluate("(video) => video.currentTime")
    away(lab.page)
    video.hover(position={"x": 160, "y": 50})
    away(lab.page)
    assert video.evaluate("(video) => [video.paused, video.currentTime]") == [True, where]
    press(video, *PLAY_BUTTON)
    away(lab.page)
    is_playing(lab.page, video)
    expect(lab.page.locator("dialog")).to_have_count(0)
    video.evaluate("(video) => { video.src = video.src; }")


def test_at_most_six_play(lab: NotebookPage) -> None:
    """Whoever starts a seventh, by whatever means."""
    videos = lab.cell(1).locator("video")
    videos.evaluate_all("(all) => all.slice(0, 7).map((one) => one.play().catch(() => undefined))")
    lab.page.wait_for_function(
        "() => [...document.querySelectorAll('.hailuo-twin video')].filter((one) => !one.paused).length === 6"
    )
    assert videos.nth(6).evaluate("(video) => !video.paused")
    videos.evaluate_all("(all) => all.forEach((one) => { one.src = one.src; })")


def test_nothing_starts_by_itself_where_less_motion_is_asked_for(lab: NotebookPage) -> None:
    """The pointer does nothing then; a click still opens."""
    lab.page.emulate_media(reduced_motion="reduce")
    video = lab.cell(1).locator("video").nth(3)
    video.evaluate(
        "(video) => { window.started = 0; video.addEventListener('play', () => { window.started += 1; }) }"
    )
    video.hover(position={"x": 160, "y": 50})
    opens_full_size(lab.page, video)
    assert lab.page.evaluate("window.started") == 0
    lab.page.emulate_media(reduced_motion="no-preference")


@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "untrusted"])
def test_saved_and_reopened_without_a_kernel(
    lab: NotebookPage, server: LabServer, browser: Browser, is_trusted: bool
) -> None:
    """Trusted it plays and opens as before; untrusted no handler is left and the native controls play."""
    name = "twin.ipynb"
    if not is_trusted:
        saved: Any = nbformat.read(server.root / name, 4)
        saved.metadata["touched"] = True  # another text has no signature here
        name = "twin-untrusted.ipynb"
        nbformat.write(saved, server.root / name)
    with open_notebook(server, browser, name, with_kernel=False) as reader:
        video = reader.cell(1).locator(".hailuo-twin video").nth(1)
        video.scroll_into_view_if_needed()
        if is_trusted:
            plays_under_the_pointer(reader.page, video)
            opens_full_size(reader.page, video)
        else:
            attributes = video.evaluate("(video) => video.getAttributeNames()")
            assert "controls" in attributes
            assert not [one for one in attributes if one.startswith("on")]
            video.hover()
            press(video, *PLAY_BUTTON)
            is_playing(reader.page, video)
        expect(reader.page.locator("dialog")).to_have_count(0)
        assert reader.errors == []
