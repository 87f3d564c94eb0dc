"""A report as somebody opens it who has nothing of ours: from a file, without a network."""

from __future__ import annotations

import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from compared_clips import write_ledger
from playwright.sync_api import Browser, Page, expect

from hailuo_nb.ledger.store import Ledger
from hailuo_nb.travel import report


def wide(page: Page) -> int:
    """Give how wide the page is; more than the window means that it scrolls sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def until(page: Page, clip: int, claim: str) -> None:
    """Wait until something holds of a player; the page's policy lets Playwright's own waiting not in."""
    end = time.monotonic() + 20
    while not page.locator("video").nth(clip).evaluate(f"clip => {claim}"):
        assert time.monotonic() < end, claim
        page.wait_for_timeout(20)


def test_a_report_opens_from_a_file_and_plays_what_is_in_it(browser: Browser, tmp_path: Path) -> None:
    """Offline, in the dark, wide and narrow; by pointer and keyboard; sorted; and nothing is blocked or fetched."""
    write_ledger(tmp_path)
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as ledger:
        path = report.write(tmp_path / "report.html", ledger, ledger.rows(), tmp_path, embed_bytes=10_000_000)
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", name="fox")).to_be_visible()
    clips = page.locator("video")
    expect(clips).to_have_count(4)
    assert wide(page) == 1280

    clips.nth(1).hover()
    until(page, 1, "clip.currentTime > 0.1")
    page.mouse.move(2, 2)
    until(page, 1, "clip.paused")
    clips.nth(2).focus()
    page.keyboard.press("Enter")
    until(page, 2, "clip.currentTime > 0.1")
    assert clips.nth(2).get_attribute("controls") is not None
    assert clips.nth(2).evaluate("clip => [clip.videoWidth, clip.videoHeight]") == [480, 270]

    page.get_by_role("button", name="camera").click()
    shown = page.locator("table.clips tbody tr td:nth-child(4)")
    expect(shown).to_have_text(["[Pan left]", "[Pan left]", "[Push in]", "[Push in]"])
    page.get_by_role("link", name="noon · [Push in]").first.click()
    assert page.url.endswith("#clip-4")

    page.set_viewport_size({"width": 360, "height": 800})
    assert wide(page) == 360
    page.emulate_media(media="print", color_scheme="light")
    assert len(page.pdf(format="A4")) > 20_000
    assert said == []
    assert set(asked) <= {"file", "data"}
    context.close()

    # The page's policy keeps axe out as it keeps everything out.
    context = browser.new_context(offline=True, viewport={"width": 360, "height": 800}, bypass_csp=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
    context.close()
