"""The table of clips in a real JupyterLab: played, opened, sorted, filtered, saved, and read without trust."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_clips
import nbformat
import pytest
from clip_ledger import write_ledger
from lab import LabServer, NotebookPage, look, open_notebook, plays
from playwright.sync_api import Browser, Locator, Page, expect

COUNT = 500
SETUP = "import os\nos.environ['HAILUO_RESUME'] = 'off'\n%load_ext hailuo_nb\nimport hailuo_nb as hn"
CELLS = [
    SETUP,
    "hn.history(limit=30)",
    "hn.pivot(hn.history(service='simulator', limit=26))",
    "hn.plot_outcomes()",
    f"hn.table(rows={COUNT})",
]
TABLE, PIVOT, PLOT, LONG = 1, 2, 3, 4


@pytest.fixture(scope="module")
def folder(server: LabServer) -> Path:
    """Give a folder with 500 clips, the last six of them paid with real money."""
    made = server.root / "weeks"
    lab_clips.write_clips(made / "hailuo" / "clips")
    write_ledger(made, COUNT, real=6)
    return made


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser, folder: Path) -> Iterator[NotebookPage]:
    """One notebook with a table, a pivot and a plot, saved."""
    server.write(f"{folder.name}/table.ipynb", CELLS)
    with open_notebook(server, browser, f"{folder.name}/table.ipynb") as notebook:
        # One after the other: JupyterLab takes what is out of sight off the page.
        notebook.run(0, TABLE)
        expect(rows(notebook.cell(TABLE))).to_have_count(30)
        shows_all_pictures(notebook.cell(TABLE))
        notebook.run(PIVOT)
        shows_all_pictures(show(notebook, PIVOT))
        notebook.run(PLOT)
        expect(show(notebook, PLOT).locator(".hailuo-plot img")).to_have_count(1)
        notebook.save()
        yield notebook


def show(notebook: NotebookPage, index: int) -> Locator:
    """Bring a cell into sight; JupyterLab takes cells that are far from it off the page."""
    notebook.page.evaluate(
        "(index) => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, 'start')", index
    )
    cell = notebook.cell(index)
    expect(cell).to_be_visible()
    return cell


def shows_all_pictures(cell: Locator) -> None:
    """Wait until every clip of a cell has its picture."""
    expect(cell.locator(".hailuo-play img")).not_to_have_count(0)
    expect(cell.locator(".hailuo-play", has_text="play")).to_have_count(0)


def rows(cell: Locator) -> Locator:
    """Give the rows of the table in a cell."""
    return cell.locator(".hailuo-table tbody tr")


def costs(cell: Locator) -> list[str]:
    """Give the first lines of the column of costs, of the rows that are shown."""
    shown = cell.locator(".hailuo-table tbody tr:visible td:nth-child(7)")
    return [text.split("simulated")[0] for text in shown.all_text_contents()]


def hover(page: Page, clip: Locator) -> Locator:
    """Put the pointer on a clip and wait until it plays there."""
    clip.hover()
    player = clip.locator("video")
    expect(player).to_have_count(1)
    page.wait_for_function(
        "(video) => !video.paused && video.currentTime > 0.05", arg=player.element_handle(), timeout=30_000
    )
    return player


def test_the_pointer_plays_a_clip_in_its_row(lab: NotebookPage) -> None:
    """Without sound; when it leaves, the picture is there again, and no player."""
    cell = show(lab, TABLE)
    look(cell, "table-light")
    clip = cell.locator(".hailuo-play").nth(1)
    player = hover(lab.page, clip)
    assert player.evaluate("(video) => video.muted && video.loop")
    assert player.bounding_box() == clip.bounding_box()
    lab.page.mouse.move(2, 2)
    expect(cell.locator("video")).to_have_count(0)
    assert lab.errors == []


def test_a_click_or_enter_opens_a_clip_at_its_size(lab: NotebookPage) -> None:
    """Over the page, named by its prompt; Escape closes it, and the focus is where it was."""
    page, clip = lab.page, show(lab, TABLE).locator(".hailuo-play").nth(2)
    dialog = page.locator("dialog[open]")
    clip.click()
    plays(page, dialog.locator("video"))
    expect(dialog).to_contain_text("A red fox crosses a river")
    look(page, "table-full-size")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert clip.evaluate("(link) => link === document.activeElement")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".jp-mod-current")).not_to_contain_text("mp4")  # JupyterLab's own viewer stays away
    page.mouse.move(2, 2)


def test_heads_sort_and_the_field_filters(lab: NotebookPage) -> None:
    """By number where it is one, up and then down, and by all words that are typed."""
    cell = show(lab, TABLE)
    head = cell.get_by_role("button", name="cost")
    head.click()
    assert costs(cell)[:3] == ["$0.28"] * 3
    assert costs(cell)[-1] == "not known"
    head.click()
    assert costs(cell)[:2] == ["$0.49", "$0.49"]
    assert costs(cell)[-1] == "not known"
    expect(cell.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    field = cell.get_by_role("searchbox")
    field.fill("NIGHT pro")
    shown = cell.locator(".hailuo-table tbody tr:visible")
    assert 0 < shown.count() < 30
    assert {True} == {"night" in text and "t2v-pro" in text for text in shown.all_text_contents()}
    expect(cell.get_by_text(f"{shown.count()} of 30")).to_be_visible()
    field.fill("nobody wrote this")
    expect(shown).to_have_count(0)
    field.fill("")
    expect(shown).to_have_count(30)
    assert lab.errors == []


def test_real_money_is_never_added_to_simulated(lab: NotebookPage) -> None:
    """The head says both, and every simulated cost says what it is; no dollar sign became a formula."""
    cell = show(lab, TABLE)
    expect(cell.locator(".hailuo-table > div").first).to_contain_text("$1.68 · simulated $")
    simulated = rows(cell).filter(has_text="simulated").count()
    assert simulated >= 20
    expect(cell.locator(".MathJax, mjx-container")).to_have_count(0)


def test_what_is_on_demand_opens_in_place(lab: NotebookPage) -> None:
    """A click on a prompt shows all of it and every other column."""
    row = rows(show(lab, TABLE)).first
    row.locator("summary").click()
    expect(row.get_by_text("request_hash")).to_be_visible()
    row.locator("summary").click()


def test_a_pivot_plays_too_and_a_plot_is_a_picture(lab: NotebookPage) -> None:
    """Axes as heads, and the same pointer."""
    cell = show(lab, PIVOT)
    expect(cell.locator("tbody th")).to_have_text(["dawn", "noon", "night"])
    look(cell, "pivot-light")
    hover(lab.page, cell.locator(".hailuo-play").first)
    lab.page.mouse.move(2, 2)
    picture = show(lab, PLOT).locator(".hailuo-plot img")
    assert picture.evaluate("(image) => image.complete && image.naturalWidth > 600")
    expect(picture).to_have_attribute("alt", re.compile("^Clips by outcome"))


def test_dark_and_narrow(lab: NotebookPage) -> None:
    """Text has the theme's colours, heads that stand still have its ground, and the page never scrolls sideways."""
    lab.theme("JupyterLab Dark")
    cell = show(lab, TABLE)
    look(show(lab, PLOT), "plot-dark")
    look(show(lab, TABLE), "table-dark")
    colours = (
        cell.locator("thead th")
        .nth(1)
        .evaluate("(head) => [getComputedStyle(head).color, getComputedStyle(head).backgroundColor]")
    )
    light, dark = ([float(part) for part in re.findall(r"[\d.]+", colour)[:3]] for colour in colours)
    assert min(light) > 180
    assert max(dark) < 60
    lab.page.set_viewport_size({"width": 400, "height": 800})
    table = cell.locator(".hailuo-table")
    assert table.evaluate("(table) => table.scrollWidth <= table.clientWidth + 1")
    look(lab.page, "table-narrow")
    lab.page.set_viewport_size({"width": 1100, "height": 900})
    lab.theme("JupyterLab Light")


@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "untrusted"])
def test_saved_and_reopened_without_a_kernel(
    lab: NotebookPage, server: LabServer, browser: Browser, folder: Path, is_trusted: bool
) -> None:
    """Trusted it sorts and plays as before; untrusted it is a table to read, and nothing pretends to be a control."""
    name = f"table-{'again' if is_trusted else 'untrusted'}.ipynb"
    (folder / name).write_bytes((folder / "table.ipynb").read_bytes())
    if not is_trusted:
        saved: Any = nbformat.read(folder / name, 4)
        saved.metadata["touched"] = True  # another text has no signature here
        nbformat.write(saved, folder / name)
    with open_notebook(server, browser, f"{folder.name}/{name}", with_kernel=False) as reader:
        cell = show(reader, TABLE)
        expect(rows(cell)).to_have_count(30)
        clip = cell.locator(".hailuo-play").nth(1)
        address = clip.evaluate("(link) => link.href")
        assert reader.page.request.get(address).headers["content-type"] == "video/mp4"
        assert clip.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 100")
        if is_trusted:
            hover(reader.page, clip)
            cell.get_by_role("button", name="variant").click()
            expect(cell.get_by_role("searchbox")).to_be_visible()
        else:
            look(cell, "table-untrusted")
            expect(cell.locator(".hailuo-table input, .hailuo-table button")).to_have_count(0)
            assert "onclick" not in cell.locator(".hailuo-table").evaluate(
                "(table) => table.getAttributeNames()"
            )
            rows(cell).first.locator("summary").click()
            expect(rows(cell).first.get_by_text("request_hash")).to_be_visible()
            expect(show(reader, PLOT).locator(".hailuo-plot img")).to_be_visible()
        assert reader.errors == []


def test_500_clips_have_at_most_six_players_and_ask_for_none_unasked(lab: NotebookPage) -> None:
    """Drawing them requests no clip; the pointer over ten requests no other, and one player is there."""
    asked: set[str] = set()
    lab.page.on("request", lambda request: asked.add(request.url) if ".mp4" in request.url else None)
    lab.run(LONG)
    lab.wait_run(LONG)
    cell = show(lab, LONG)
    expect(rows(cell)).to_have_count(COUNT, timeout=90_000)
    expect(cell.locator(".hailuo-play", has_text="play")).to_have_count(0, timeout=120_000)
    assert asked == set()
    clips = cell.locator(".hailuo-play")
    addresses = []
    for number in range(10):
        clip = clips.nth(number)
        lab.page.mouse.move(2, 2)  # what scrolls under a pointer that stands still is meant too
        clip.scroll_into_view_if_needed()
        addresses.append(clip.evaluate("(link) => link.href"))
        hover(lab.page, clip)
        assert cell.locator("video").count() <= 1
    lab.page.mouse.move(2, 2)
    expect(lab.page.locator(".hailuo-play video")).to_have_count(0)
    assert asked  # but for those that the browser has kept from an earlier look
    assert asked <= set(addresses)
