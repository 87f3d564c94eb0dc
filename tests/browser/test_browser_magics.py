"""The real magics in a real JupyterLab: a cell is run, and what a person then sees is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import LabServer, NotebookPage, look, moved, open_notebook, plays
from playwright.sync_api import Browser, expect
from simulator_process import start_simulator

# %hailuo balance starts the simulator, so that no test waits for it.
LOAD = "%load_ext hailuo_nb\n%config HailuoMagics.simulator_speed = 10\n%hailuo balance"
LONG_MS = 90_000

# Writes down what a card says while another cell is running.
WATCH = """(cell) => {
  window.said = new Set();
  const badge = cell.querySelector('.hailuo-badge');
  const look = () => {
    const isBlocked = [...document.querySelectorAll('.jp-InputPrompt')].some((one) => one.textContent.includes('*'));
    if (isBlocked) window.said.add(badge.textContent);
  };
  new MutationObserver(look).observe(badge, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser) -> Iterator[NotebookPage]:
    """One notebook in a folder of its own, with the extension loaded and the simulator running."""
    server.write("real/real.ipynb", [LOAD])
    with open_notebook(server, browser, "real/real.ipynb") as notebook:
        notebook.run(0)
        notebook.wait_run(0, timeout=LONG_MS)
        yield notebook


def test_a_card_keeps_moving_while_a_later_cell_sleeps(lab: NotebookPage) -> None:
    """Its seconds count on, the clip plays in its own cell, and nothing appears in the sleeping one."""
    cell = lab.add("%%hailuo marble << t2v-standard\nA glass marble rolls off a table [simulate: takes 60]")
    expect(cell.locator(".hailuo-badge")).to_be_visible()
    cell.evaluate(WATCH)
    sleeping = lab.add("import time; time.sleep(8)", wait=False)
    expect(sleeping.locator(".jp-InputPrompt")).to_have_text("[*]:")
    video = moved(cell)
    plays(lab.page, video, width=1366)
    lab.wait_run(lab.last(), timeout=LONG_MS)
    expect(sleeping.locator(".jp-OutputArea-output")).to_have_count(0)
    seconds = [said for said in lab.page.evaluate("[...window.said]") if "working" in said]
    assert len(seconds) >= 4, seconds
    expect(cell.locator(".hailuo-headline")).to_have_text("simulated · 1 clip · 1 new at $0.28")
    expect(cell.locator(".jp-OutputArea-output").first).to_have_text("simulated · 1 clip · 1 new at $0.28")
    assert lab.errors == []


def test_the_doctor_hears_from_the_page_that_shows_its_table(lab: NotebookPage, server: LabServer) -> None:
    """A widget answers and says what the page is and plays; the saved notebook holds the answer and no widget."""
    cell = lab.add("checked = %hailuo doctor\nchecked")
    expect(cell).to_contain_text("a widget answers: JupyterLab 4")
    expect(cell).to_contain_text("H.264 yes")
    expect(cell).to_contain_text("simulator, running")
    look(cell, "doctor")
    lab.save()
    saved = json.loads((server.root / "real" / "real.ipynb").read_text("utf-8"))["cells"][-1]["outputs"]
    assert [sorted(output["data"]) for output in saved] == [["text/html", "text/plain"], ["text/plain"]]
    assert "a widget answers" in "".join(saved[0]["data"]["text/plain"])
    assert lab.errors == []


def test_a_failed_clip_says_why_and_its_button_tries_again(lab: NotebookPage) -> None:
    """The reason stands in the frame; the button with the price sends it once more."""
    cell = lab.add("%%hailuo bad << t2v-standard\nA fox [simulate: fail 1200] [simulate: takes 30]")
    frame = cell.locator(".hailuo-frame")
    expect(frame).to_contain_text("moderation refused this clip (code 1200)", timeout=LONG_MS)
    expect(cell.locator(".hailuo-badge")).to_have_text("✕ failed")
    look(cell, "real-failed")
    cell.get_by_role("button", name="Try again $0.28").click()
    expect(cell.locator(".hailuo-badge")).not_to_have_text("✕ failed", timeout=LONG_MS)
    expect(cell.locator(".hailuo-badge")).to_have_text("✕ failed", timeout=LONG_MS)
    counted = lab.add(
        "rows = %hailuo history\nprint(rows.attempt[rows.prompt.str.contains('1200')].tolist())"
    )
    expect(counted.locator("pre").last).to_have_text(re.compile(r"^\[(1, 2|2, 1)\]\s*$"))


def test_a_held_batch_sends_when_its_sum_is_confirmed(
    server: LabServer, browser: Browser, tmp_path: Path
) -> None:
    """With a key and a sum above the limit nothing leaves before the button; a sum in a headline is no formula."""
    with start_simulator(tmp_path) as service:
        told = {"WAVESPEED_BASE_URL": service.base_url, "WAVESPEED_API_KEY": "x" * 32}
        address = f"import os\nos.environ |= {told}"
        limit = "%load_ext hailuo_nb\n%config HailuoMagics.confirm_above_usd = 0.50"
        server.write("held/held.ipynb", [address, limit, "%%hailuo t2v-standard --takes 2\nA cat in the sun"])
        with open_notebook(server, browser, "held/held.ipynb") as lab:
            lab.run(0, 1, 2)
            cell = lab.cell(2)
            yes = cell.get_by_role("button", name="Generate · $0.56")
            expect(yes).to_be_visible(timeout=LONG_MS)
            expect(cell.locator(".hailuo-badge")).to_have_text(["○ planned", "○ planned"])
            look(cell, "real-held")
            yes.click()
            plays(lab.page, moved(cell), width=1366)
            expect(cell.locator(".hailuo-twin video")).to_have_count(2)
            expect(cell.locator("mjx-container, .MathJax")).to_have_count(0)
            expect(cell.locator(".jp-OutputArea-output").first).to_contain_text("2 new at $0.28 = $0.56")
            declined = lab.add("%%hailuo t2v-standard --takes 2\nA dog in the rain")
            declined.get_by_role("button", name="Not now").click()
            expect(declined.locator(".hailuo-twin")).to_contain_text("– cancelled")
            moved(declined)
            for root in (".hailuo-card", ".hailuo-twin"):
                said = declined.locator(root).get_by_text(
                    "Nothing was billed. Running the cell again sends it."
                )
                expect(said).to_have_count(1)
            look(declined, "real-declined")


def test_a_reload_in_the_middle_loses_nothing(lab: NotebookPage) -> None:
    """The page comes back with the clip and its file, ends by itself, and %hailuo show draws it again."""
    cell = lab.add("%%hailuo boat << t2v-standard --name boat\nA small boat at noon [simulate: takes 100]")
    expect(cell.locator(".hailuo-badge")).to_contain_text("working", timeout=LONG_MS)
    index = lab.last()
    lab.save()
    lab.load()
    cell = lab.cell(index)
    cell.scroll_into_view_if_needed()
    expect(cell).to_contain_text("hailuo/clips/boat-", timeout=LONG_MS)
    frame = cell.locator(".hailuo-frame[role=button]")
    expect(frame).to_be_visible(timeout=LONG_MS)
    frame.click()
    plays(lab.page, lab.page.locator("dialog video"), width=1366)
    lab.page.keyboard.press("Escape")
    again = lab.add("%hailuo show boat")
    plays(lab.page, moved(again), width=1366)
    expect(again).to_contain_text("hailuo/clips/boat-")


def test_tab_offers_what_may_stand_there(lab: NotebookPage) -> None:
    """Variants in a cell's line and camera commands in its prompt, ours alone, as fast as a person types."""
    lab.add("1")
    for typed, offered in (
        ("%%hailuo t2v-", ["t2v-pro", "t2v-standard"]),
        ("%%hailuo t2v-pro\nA fox, [Pan ", ["Pan left", "Pan right"]),
    ):
        assert lab.offered(typed) == offered


def test_run_all_goes_through_a_wait(server: LabServer, browser: Browser) -> None:
    """Every queued cell is executed, those after batch.wait() too, and the card stands in its own cell."""
    cells = [LOAD, "%%hailuo run << t2v-standard\nAn owl at dusk [simulate: takes 20]", "run.wait()"]
    cells += [f"print('cell {number}', run[0].status)" for number in (1, 2)]
    path = server.write("real/all.ipynb", cells)
    with open_notebook(server, browser, "real/all.ipynb") as lab:
        lab.command("notebook:run-all-cells")
        lab.wait_run(4, timeout=LONG_MS)
        plays(lab.page, moved(lab.cell(1)), width=1366)
        lab.save()
        lab.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = json.loads(path.read_text("utf-8"))["cells"]
    assert [cell["execution_count"] for cell in saved] == [1, 2, 3, 4, 5]
    texts = ["".join(saved[number]["outputs"][0]["text"]) for number in (3, 4)]
    assert texts == ["cell 1 completed\n", "cell 2 completed\n"]
    assert [len(cell["outputs"]) for cell in saved[1:3]] == [2, 1]
