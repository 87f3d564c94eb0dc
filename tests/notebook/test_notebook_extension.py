"""What loading the extension costs and does, in a fresh process."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_nb.errors import HailuoError
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger
from hailuo_nb.notebook.extension import load_extension

HEAVY = ("pandas", "httpx", "anywidget", "ipywidgets", "av", "sqlalchemy", "numpy", "jinja2", "PIL")
LOADER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "hailuo_nb")
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new & set(%r))))
"""


def run_python(code: str, folder: Path) -> str:
    """Run code in a fresh interpreter and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    """``%load_ext`` loads no library that a first cell could load."""
    assert json.loads(run_python(LOADER % (HEAVY,), tmp_path)) == []


def test_a_first_cell_finds_what_it_needs_imported(tmp_path: Path) -> None:
    """Soon after the loading cell, and not in it, what a first cell needs is imported in the background."""
    code = (
        "import sys, threading\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from hailuo_nb.notebook.warming import NEEDED\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_cell('%load_ext hailuo_nb')\n"
        "[warming] = [each for each in threading.enumerate() if each.name == 'hailuo-warming']\n"
        "shell.run_cell('1')\n"
        "assert [each for each in threading.enumerate() if each.name == 'hailuo-warming'] == [warming]\n"
        "warming.join()\n"
        "print([name for name in NEEDED if name not in sys.modules])"
    )
    assert run_python(code, tmp_path).strip().splitlines()[-1] == "[]"


def test_importing_the_package_does_no_work(tmp_path: Path) -> None:
    """``import hailuo_nb`` loads neither IPython nor pandas, and makes no file."""
    heavy = (*HEAVY, "IPython")
    code = f"import sys, hailuo_nb; print([name for name in {heavy!r} if name in sys.modules])"
    assert run_python(code, tmp_path).strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def test_loading_tells_what_is_out_and_sends_nothing(tmp_path: Path) -> None:
    """One line counts the clips that are out; with ``resume=off`` there is none, and rows stay as they are."""
    path = tmp_path / "hailuo" / "ledger.db"
    with Ledger.open(path) as ledger:
        reserved = ledger.reserve(NewBatch(), [NewClip("simulator", "a" * 64, "t2v-pro", "m", "a fox")])[0]
        ledger.start_submit(reserved.row.id, fence=reserved.fence or 0, per_minute=5)
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'hailuo_nb')"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.hailuo_nb]\nresume = "ask"\n')
    said = run_python(code, tmp_path)
    assert said.strip() == "1 clip is still out from before. %hailuo resume takes them up."
    (tmp_path / "pyproject.toml").write_text('[tool.hailuo_nb]\nresume = "off"\n')
    assert run_python(code, tmp_path).strip() == ""
    with sqlite3.connect(path) as opened:
        assert opened.execute("SELECT status FROM clips").fetchall() == [("submitting",)]
    opened.close()


def test_python_in_a_browser_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLite has neither threads nor sockets: that is said before anything is registered."""
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(HailuoError, match="JupyterLite") as caught:
        load_extension(object())
    assert "\n" not in str(caught.value)
