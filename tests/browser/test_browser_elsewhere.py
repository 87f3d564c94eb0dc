"""A saved card where nothing of the notebook's folder can be reached: VS Code, Colab and Kaggle show outputs so.

Their common ground, by their documentation: the output stands in a frame of another origin, a relative address leads
nowhere, and a policy blocks what is not in the page itself. Here the strictest of it all: a sandboxed frame without an
origin, no scripts, and only ``data:`` pictures.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import look
from PIL import Image, ImageStat
from playwright.sync_api import Browser, FrameLocator, Locator, Page, Route, expect

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_compare_variants.ipynb"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PLAY_BUTTON = (26, 48)


def saved_card() -> str:
    """Give the first stored card of the notebook."""
    notebook: Any = nbformat.read(NOTEBOOK, 4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    found = [output.data["text/html"] for output in outputs if "hailuo-twin" in str(output.get("data", ""))]
    return found[0] if isinstance(found[0], str) else "".join(found[0])


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a page that shows the output in its sandboxed frame, in either theme; every other request fails."""

    def answer(route: Route) -> None:
        if route.request.url != "http://front-end.test/":
            route.fulfill(status=404)
            return
        inner = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{saved_card()}'
        scheme = f"color-scheme:{request.param}"
        frame = (
            f'<iframe sandbox srcdoc="{escape(inner)}" style="width:900px;height:800px;border:0;{scheme}">'
        )
        route.fulfill(
            body=f'<body style="{scheme}">{frame}</iframe>', content_type="text/html; charset=utf-8"
        )

    with browser.new_context(color_scheme=request.param) as context:
        made = context.new_page()
        made.route("**/*", answer)
        made.goto("http://front-end.test/")
        yield made


def colours(locator: Locator) -> list[float]:
    """Give the mean colour of the upper half of what is drawn there, where a player has no controls."""
    with Image.open(io.BytesIO(locator.screenshot())) as shot:
        return ImageStat.Stat(shot.convert("RGB").crop((0, 0, shot.width, shot.height // 2))).mean


def frame_of(page: Page) -> FrameLocator:
    """Give the sandboxed frame."""
    return page.frame_locator("iframe")


def test_picture_caption_cost_and_file_are_read_where_no_clip_can_be_fetched(page: Page) -> None:
    """The poster stays, even when somebody presses play: no black player, and the file is named below."""
    frame = frame_of(page)
    video = frame.locator("video").first
    expect(video).to_be_visible()
    before = colours(video)
    assert max(before) - min(before) > 5 or max(before) > 40, "the poster is drawn"
    box = video.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + PLAY_BUTTON[0], box["y"] + box["height"] - PLAY_BUTTON[1])
    page.mouse.move(2, 2)
    expect(video).to_have_js_property("networkState", 3)  # no source
    look(page, "elsewhere")
    after = colours(video)
    assert all(abs(a - b) < 12 for a, b in zip(before, after, strict=True)), (before, after)
    text = frame.locator(".hailuo-twin").inner_text()
    assert "hailuo/clips/" in text
    assert "$0.28" in text
    assert "simulated" in text
