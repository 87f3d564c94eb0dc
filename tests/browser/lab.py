"""A real JupyterLab and a real Notebook 7 on this machine, and Chromium looking at them.

In come notebooks as lists of cells, out come pages that run them. One server has both front ends, and with one browser
serves a whole test session; every folder that Jupyter writes to is a temporary one, and nothing leaves the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Error, Locator, Page, Route, expect, sync_playwright

import hailuo_nb

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
SHOTS = Path(os.environ["CARD_SHOTS"]) if "CARD_SHOTS" in os.environ else None
CHROMIUM_ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN = "browser-tests-only"
# Where each front end opens a notebook.
FRONTS = {"lab": "doc/tree", "notebook": "notebooks"}
QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    # Without what a kernel says within a second, the list offers words of the cell; a busy machine takes longer.
    "completer-extension/manager": {"providerTimeout": 10_000},
}

# The contrasts of all that is written on a cell's card.
CONTRAST = """(cell) => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
  const linear = (v) => (v <= 10 ? v / 3295 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = (c) => { const [r, g, b] = c.map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratios = [];
  for (const node of cell.querySelectorAll('.hailuo-card *')) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    if (!node.offsetParent || node.closest('.hailuo-spoken, .hailuo-icon, [disabled]')) continue;
    const chain = []; for (let one = node; one; one = one.parentElement) chain.push(one);
    let ground = [255, 255, 255];
    for (const one of [...chain].reverse()) ground = over(rgb(getComputedStyle(one).backgroundColor), ground);
    const alpha = chain.reduce((all, one) => all * Number(getComputedStyle(one).opacity), 1);
    if (!alpha) continue; // shown while the pointer or the focus is there
    const text = rgb(getComputedStyle(node).color); text[3] = (text[3] ?? 1) * alpha;
    const [a, b] = [light(over(text, ground)), light(ground)];
    ratios.push((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return ratios;
}"""


class LabServer:
    """A server of JupyterLab, and of Notebook 7 where it is installed, over a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "notebooks"
        self.root.mkdir(parents=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Start the server and wait until it has written down its address."""
        for name, value in QUIET.items():
            file = self._folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        runtime = self._folder / "runtime"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
        command += [
            "--ServerApp.ip=127.0.0.1",
            f"--IdentityProvider.token={TOKEN}",
            "--expose-app-in-browser",
        ]
        command += ["--LabApp.collaborative=False", f"--ServerApp.root_dir={self.root}"]
        # Both lie in `window.jupyterapp`, which the tests drive.
        command += ["--JupyterNotebookApp.expose_app_in_browser=True"]
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=self._environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 60
        while not (url := _address(runtime)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "server.log").read_text())
            time.sleep(0.05)  # waits for another process to write a file
        self.url = url

    def stop(self) -> None:
        """End the server and its kernels."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def _environment(self) -> dict[str, str]:
        """Give an environment in which nothing of this machine's user is read or written."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        folders = {
            "HOME": "home",
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        for name, folder in folders.items():
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
            kept[name] = str(self._folder / folder)
        kept["PYTHONPATH"] = str(Path(hailuo_nb.__file__).parent.parent)
        return kept

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook of code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path


def _address(runtime: Path) -> str:
    """Read the address a server has written down; nothing while it has not, or is about to."""
    for file in runtime.glob("jpserver-*.json"):
        with suppress(ValueError):
            return str(json.loads(file.read_text())["url"])
    return ""


class NotebookPage:
    """One notebook open in a tab of its own, in JupyterLab (``front="lab"``) or Notebook 7 (``"notebook"``)."""

    def __init__(self, server: LabServer, page: Page, name: str, front: str = "lab") -> None:
        self._server = server
        self.page = page
        self.name = name
        self.front = front
        self.errors: list[str] = []
        page.on("pageerror", self._on_error)

    def _on_error(self, error: Error) -> None:
        """Keep an error of the page; Notebook 7.6 has some of its own, about settings and commands it has not."""
        if self.front != "notebook" or "/static/notebook/" not in (error.stack or ""):
            self.errors.append(str(error))

    def load(self, *, with_kernel: bool = True) -> None:
        """Open or reload the page and wait for the notebook, and for its kernel if wanted."""
        if not with_kernel:  # JupyterLab always wants one: here the server never answers
            self.page.route(lambda url: "/api/sessions" in url, _refuse_post)
        self.page.goto(f"{self._server.url}{FRONTS[self.front]}/{self.name}?token={TOKEN}")
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.context?.isReady", timeout=60_000
        )
        if with_kernel:
            self.page.wait_for_function(
                "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'",
                timeout=60_000,
            )

    def command(self, name: str, args: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands to its end."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args) }",
            [name, args or {}],
        )

    def offered(self, typed: str) -> list[str]:
        """Type into a new cell, press Tab, and give what the list offers, sorted."""
        self.command("notebook:insert-cell-below")
        self.command("notebook:enter-edit-mode")
        self.page.keyboard.insert_text(typed)
        self.page.keyboard.press("Tab")
        items = self.page.locator(".jp-Completer-item")
        items.first.wait_for()
        look(self.page, f"{self.front}-tab-{len(typed)}")
        values: list[str] = items.evaluate_all("(items) => items.map((item) => item.dataset.value)")
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Escape")
        return sorted(values)

    def run(self, *indexes: int) -> None:
        """Start cells; they run one after the other, and this does not wait for them."""
        for index in indexes:
            self.page.evaluate(
                """(index) => {
                  const panel = window.jupyterapp.shell.currentWidget;
                  panel.content.activeCellIndex = index;
                  void window.jupyterapp.commands.execute('notebook:run-cell');
                }""",
                index,
            )

    def add(self, code: str, *, wait: bool = True) -> Locator:
        """Append a cell, run it, and give it."""
        index = self.page.evaluate(
            """(source) => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              const cells = notebook.model.sharedModel;
              cells.insertCell(cells.cells.length, { cell_type: 'code', source, metadata: {}, outputs: [] });
              notebook.deselectAll();
              notebook.activeCellIndex = cells.cells.length - 1;
              void window.jupyterapp.commands.execute('notebook:run-cell');
              return cells.cells.length - 1;
            }""",
            code,
        )
        if wait:
            self.wait_run(index)
        found = self.cell(index)
        found.scroll_into_view_if_needed()
        return found

    def last(self) -> int:
        """Give the number of the last cell."""
        count: int = self.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
        return count - 1

    def cell(self, index: int) -> Locator:
        """Give a cell."""
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def wait_run(self, index: int, timeout: float = 60_000) -> None:
        """Wait until a cell has run."""
        self.page.wait_for_function(
            "(index) => /\\d/.test(window.jupyterapp.shell.currentWidget.content.widgets[index].prompt)",
            arg=index,
            timeout=timeout,
        )

    def theme(self, name: str) -> None:
        """Change the theme: ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.command("apputils:change-theme", {"theme": name})
        self.page.wait_for_function(
            # A second change while the first one's splash is still fading makes JupyterLab itself fail.
            "(name) => document.body.dataset.jpThemeName === name && !document.getElementById('jupyterlab-splash')",
            arg=name,
            timeout=60_000,
        )

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")


def _refuse_post(route: Route) -> None:
    """Leave a request to start a kernel without an answer."""
    if route.request.method != "POST":
        route.continue_()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium that is installed here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_ARGS), ignore_default_args=["--headless=old"]
        )
        yield browser
        browser.close()


@contextmanager
def open_notebook(
    server: LabServer,
    browser: Browser,
    name: str,
    *,
    size: tuple[int, int] = (1100, 900),
    with_kernel: bool = True,
    front: str = "lab",
) -> Iterator[NotebookPage]:
    """Open a notebook in a fresh browser context, and end its kernel afterwards."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, base_url=server.url, locale="en-GB"
    )
    notebook = NotebookPage(server, context.new_page(), name, front)
    notebook.load(with_kernel=with_kernel)
    yield notebook
    sessions = context.request.get(f"{server.url}api/sessions", params={"token": TOKEN}).json()
    for session in sessions:
        if session["path"] == name:
            context.request.delete(
                f"{server.url}api/sessions/{session['id']}", headers={"Authorization": f"token {TOKEN}"}
            )
    context.close()


def look(target: Page | Locator, name: str) -> None:
    """Keep a picture where somebody wants to look at them."""
    if SHOTS is not None:
        target.screenshot(path=SHOTS / f"{name}.png")


def moved(cell: Locator) -> Locator:
    """Wait until a cell's outputs are static, with the card beside its twin, and give the twin's first player."""
    expect(cell.locator(".jp-OutputArea-output > .hailuo-card")).to_have_count(1, timeout=90_000)
    return cell.locator(".hailuo-twin video").first


def uncover(cell: Locator) -> None:
    """Take the live card away, as a page does that is opened later: what is left is what was saved."""
    cell.evaluate(
        """(cell) => {
          cell.querySelector('.hailuo-card').parentElement.remove();
          for (const one of document.head.querySelectorAll('style')) {
            if (/hailuo-b-.*-live/.test(one.textContent)) one.remove();
          }
        }"""
    )


_PLAY = """async (video) => {
  video.muted = true;
  await video.play().catch(() => 0);
  return [video.currentTime > 0.1, video.videoWidth];
}"""


def plays(page: Page, video: Locator, width: int = 640, timeout_s: float = 60) -> None:
    """Play a video until it has moved, which needs its real bytes; a twin that is drawn anew takes its player along."""
    ends = time.monotonic() + timeout_s
    while (seen := video.evaluate(_PLAY)) != [True, width]:
        assert time.monotonic() < ends, f"the video does not play: [has moved, width] is {seen}"
        page.wait_for_timeout(50)
    video.evaluate("(video) => video.pause()")
