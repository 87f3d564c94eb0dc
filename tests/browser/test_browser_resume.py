"""A kernel that dies in JupyterLab while clips are out: what a person sees then, and what is paid."""

from __future__ import annotations

import os
import signal

from lab import LabServer, look, moved, open_notebook, plays, uncover
from playwright.sync_api import Browser, Locator, expect

LONG_MS = 90_000
LOAD = "%load_ext hailuo_nb"
PID = "import os; print(os.getpid())"
CELL = "%%hailuo foxes << t2v-standard\nA fox {light: at dawn|at night} [simulate: takes 60]"
BALANCE = "%hailuo balance"


def test_clips_of_a_killed_kernel_come_back_with_the_extension_and_cost_nothing_more(
    server: LabServer, browser: Browser
) -> None:
    """SIGKILL while two clips are out: loading says so in one line, running the cell again joins them, both play."""
    server.write("killed/killed.ipynb", [LOAD, PID, CELL, BALANCE, "%hailuo show foxes"])
    with open_notebook(server, browser, "killed/killed.ipynb") as notebook:
        for index in range(4):
            notebook.run(index)
            notebook.wait_run(index, timeout=LONG_MS)
        cell = notebook.cell(2)
        expect(cell.locator(".hailuo-badge").first).to_contain_text("working", timeout=LONG_MS)
        notebook.page.wait_for_function(
            "document.querySelectorAll('[data-word=working]').length === 2", timeout=LONG_MS
        )
        notebook.run(3)
        expect(notebook.cell(3).locator(".jp-OutputArea-output")).to_contain_text("99.44", timeout=LONG_MS)
        look(notebook.page, "killed-1-before")
        os.kill(int(text_of(notebook.cell(1))), signal.SIGKILL)
        notebook.page.get_by_text("It will restart automatically").wait_for(timeout=LONG_MS)
        look(notebook.page, "killed-2-dead")
        notebook.page.get_by_role("button", name="Ok", exact=True).click()
        notebook.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
            timeout=LONG_MS,
        )
        notebook.run(0)
        expect(notebook.cell(0).locator(".jp-OutputArea-output")).to_contain_text(
            "2 clips are still out", timeout=LONG_MS
        )
        look(notebook.page, "killed-3-loaded")
        # The variable died with the kernel; its name is in the ledger.
        notebook.run(4)
        expect(notebook.cell(4)).to_contain_text("at dawn", timeout=LONG_MS)
        expect(notebook.cell(4)).to_contain_text("at night")
        notebook.run(2)
        expect(cell.locator(".hailuo-badge").first).to_be_visible(timeout=LONG_MS)
        expect(cell.locator(".hailuo-headline")).to_contain_text("2 sent before, not paid again")
        look(notebook.page, "killed-4-rerun")
        video = moved(cell)
        look(notebook.page, "killed-5-done")
        uncover(cell)
        plays(notebook.page, video, width=1366)
        notebook.run(3)
        expect(notebook.cell(3).locator(".jp-OutputArea-output")).to_contain_text("99.44", timeout=LONG_MS)
        assert notebook.errors == []


def text_of(cell: Locator) -> str:
    """Give what a cell printed."""
    return cell.locator(".jp-OutputArea-output").inner_text().strip()
