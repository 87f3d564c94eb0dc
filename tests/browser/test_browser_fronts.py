"""JupyterLab and Notebook 7 side by side: two kernels, one folder, one ledger.

One scenario for both front ends. They go through it together, so that what has to be waited for is waited for once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest
from lab import CONTRAST, LabServer, NotebookPage, look, moved, open_notebook, plays
from playwright.sync_api import Browser, expect

LONG_MS = 90_000
LOAD = "%load_ext hailuo_nb"
FOXES = "%%hailuo foxes << t2v-standard\nA fox {light: at dawn|at night} [simulate: takes 80]"
OWL = "%%hailuo owl << t2v-standard\nAn owl in {place} [simulate: takes 550]"
BALANCE = "%hailuo balance"
FILLING = ["1"] * 40
NOTEBOOK = "window.jupyterapp.shell.currentWidget"


@pytest.fixture(scope="module")
def both(server: LabServer, browser: Browser) -> Iterator[tuple[NotebookPage, ...]]:
    """Give a notebook in each front end; they lie in one folder and have the same foxes, and an owl each."""
    with ExitStack() as stack:
        pages = []
        for front in ("lab", "notebook"):
            name = f"fronts/{front}.ipynb"
            server.write(name, [LOAD, FOXES, OWL.replace("{place}", front), BALANCE, *FILLING])
            pages.append(stack.enter_context(open_notebook(server, browser, name, front=front)))
        yield tuple(pages)


@pytest.mark.timeout(300)
def test_both_front_ends_go_through_the_whole_of_it(
    both: tuple[NotebookPage, ...], server: LabServer
) -> None:
    """Run, scroll away, fold, reload, restart, run again, save, reopen: nothing is lost, and each clip is paid once."""
    folder = server.root / "fronts"
    for one in both:
        one.run(0, 1, 2)
    for one in both:
        see_the_foxes_on_their_way(one)
    for one in both:
        scroll_away(one)
    for one in both:
        see_the_foxes_that_came_meanwhile(one, folder)
        fold_and_unfold_the_owl(one)
    for one in both:
        reload_in_the_middle(one)
    for one in both:
        restart_the_kernel(one)
    for one in both:
        see_the_owl_taken_up(one)
    for one in both:
        moved(one.cell(2))
        one.run(3)
    for one in both:
        # The foxes once, and an owl each.
        expect(one.cell(3).locator(".jp-OutputArea-output")).to_contain_text("98.88", timeout=LONG_MS)
        one.save()
        one.load()
        see_what_was_saved(one)
        assert one.errors == []
    for one in both:
        cells = nbformat.read(server.root / one.name, 4).cells
        outputs = [[set(output.data) for output in cell.outputs] for cell in cells[1:3]]
        assert outputs == [[{"text/html", "text/plain"}, {"text/html", "text/plain", "image/jpeg"}]] * 2
        other = next(each.front for each in both if each is not one)
        assert one.front in str(cells[2].outputs)
        assert one.offered("%%hailuo t2v-") == ["t2v-pro", "t2v-standard"]
        assert one.offered("%%hailuo t2v-pro\nA fox, [Pan ") == ["Pan left", "Pan right"]
        assert f"in-{other}-" not in str(cells)


@pytest.mark.timeout(120)
def test_both_front_ends_are_dark_and_narrow(both: tuple[NotebookPage, ...]) -> None:
    """At 360 px in the dark a card has its front end's colours, stacks, and nothing is wider than the page."""
    for one in both:
        one.run(0)
        cell = one.add(FOXES)
        moved(cell)
        one.theme("JupyterLab Dark")
        try:
            one.page.set_viewport_size({"width": 360, "height": 800})
            cell.scroll_into_view_if_needed()
            expect(cell.locator(".hailuo-card")).to_be_visible()
            assert min(cell.evaluate(CONTRAST)) >= 4.5
            lefts = cell.locator(".hailuo-card .hailuo-clip").evaluate_all(
                "(all) => all.map((one) => Math.round(one.getBoundingClientRect().x))"
            )
            assert len(lefts) == 2
            assert len(set(lefts)) == 1
            assert cell.locator(".hailuo-card").evaluate("(card) => card.scrollWidth <= card.clientWidth")
            look(one.page, f"front-{one.front}-dark-narrow")
        finally:
            one.page.set_viewport_size({"width": 1100, "height": 900})
            one.theme("JupyterLab Light")
        assert one.errors == []


def see_the_foxes_on_their_way(one: NotebookPage) -> None:
    """Two clips work."""
    expect(one.cell(1).locator(".hailuo-badge").first).to_contain_text("working", timeout=LONG_MS)
    look(one.page, f"front-{one.front}-1-working")


def scroll_away(one: NotebookPage) -> None:
    """Leave the cards to the mode in which a cell that is out of sight is hidden, or taken off the page."""
    one.page.evaluate(
        f"""() => {{
          const notebook = {NOTEBOOK}.content;
          notebook.notebookConfig = {{ ...notebook.notebookConfig, windowingMode: 'full' }};
          return notebook.scrollToItem(40);
        }}"""
    )
    one.page.wait_for_function(f"!{NOTEBOOK}.content.widgets[1].node.checkVisibility()")


def see_the_foxes_that_came_meanwhile(one: NotebookPage, folder: Path) -> None:
    """They are there when one scrolls back, live and playing, and in the static twin below."""
    one.page.wait_for_function(
        f"{NOTEBOOK}.content.widgets[1].model.outputs.get(1)?.data['image/jpeg'] !== undefined",
        timeout=LONG_MS,
    )
    one.page.evaluate(f"{NOTEBOOK}.content.scrollToItem(1)")
    cell = one.cell(1)
    moved(cell)
    expect(cell.locator(".hailuo-card img.hailuo-poster:not([hidden])")).to_have_count(2)
    expect(cell.locator(".hailuo-twin:visible")).to_have_count(0)
    cell.locator(".hailuo-frame").first.click()
    plays(one.page, one.page.locator("dialog video"), width=1366)
    one.page.keyboard.press("Escape")
    assert len(list((folder / "hailuo" / "clips").glob("a-fox*.mp4"))) == 2


def fold_and_unfold_the_owl(one: NotebookPage) -> None:
    """Fold, unfold and scroll the outputs of a card: it still moves, and hides its twin."""
    choose(one, 2)
    cell = one.cell(2)
    one.command("notebook:hide-cell-outputs")
    expect(cell.locator(".hailuo-card")).to_have_count(0)
    one.command("notebook:show-cell-outputs")
    one.command("notebook:enable-output-scrolling")
    expect(cell.locator(".hailuo-badge:visible")).to_contain_text("working")
    said = cell.locator(".hailuo-badge:visible").inner_text()
    expect(cell.locator(".hailuo-badge:visible")).not_to_have_text(said)
    expect(cell.locator(".hailuo-twin:visible")).to_have_count(0)
    look(one.page, f"front-{one.front}-2-scrolled")
    one.command("notebook:disable-output-scrolling")


def reload_in_the_middle(one: NotebookPage) -> None:
    """After a reload the finished clips are static, and the one on its way goes on."""
    one.save()
    one.load()
    expect(one.cell(1).locator(".hailuo-twin video:visible")).to_have_count(2)
    expect(one.cell(2).locator(".hailuo-badge:visible")).to_contain_text("working")
    look(one.page, f"front-{one.front}-3-reloaded")


def restart_the_kernel(one: NotebookPage) -> None:
    """Restart: a card whose kernel is gone says so and stops counting; loading says in one line what is out."""
    one.page.evaluate("void window.jupyterapp.commands.execute('notebook:restart-kernel')")
    one.page.get_by_role("button", name="Confirm Kernel Restart").click()
    cell = one.cell(2)
    expect(cell.locator(".hailuo-card")).to_contain_text("The kernel was restarted", timeout=LONG_MS)
    one.page.wait_for_function(
        f"{NOTEBOOK}.sessionContext.session?.kernel?.status === 'idle'", timeout=LONG_MS
    )
    said = cell.locator(".hailuo-badge").inner_text()
    look(one.page, f"front-{one.front}-4-restarted")
    one.run(0)
    # In this folder the other notebook's owl may be out too.
    line = re.compile(r"^(1 clip is|2 clips are) still out from before\. %hailuo jobs shows them\.\s*$")
    expect(one.cell(0).locator(".jp-OutputArea-output")).to_have_text(line, timeout=LONG_MS)
    assert cell.locator(".hailuo-badge").inner_text() == said


def see_the_owl_taken_up(one: NotebookPage) -> None:
    """Run the cells again: what is there and what is on its way is shown, and nothing is paid."""
    one.run(1, 2)
    expect(one.cell(2).locator(".hailuo-headline")).to_contain_text(
        "1 sent before, not paid again", timeout=LONG_MS
    )
    expect(one.cell(1).locator(".hailuo-headline, .hailuo-twin").first).to_contain_text(
        re.compile("on disk|not paid again")
    )
    look(one.page, f"front-{one.front}-5-again")


def see_what_was_saved(one: NotebookPage) -> None:
    """Reopened, both cells play."""
    look(one.page, f"front-{one.front}-6-reopened")
    for index in (1, 2):
        video = one.cell(index).locator(".hailuo-twin video").first
        video.scroll_into_view_if_needed()
        plays(one.page, video, width=1366)
    assert one.page.get_by_text("Loading widget").filter(visible=True).count() == 0


def choose(one: NotebookPage, index: int) -> None:
    """Make a cell the active one."""
    one.page.evaluate(
        f"""(index) => {{
          {NOTEBOOK}.content.deselectAll();
          {NOTEBOOK}.content.activeCellIndex = index;
        }}""",
        index,
    )
