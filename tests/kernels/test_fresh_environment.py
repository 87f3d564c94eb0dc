"""The README's first command, and what Binder's builder does, each in a fresh environment from a clean copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

from hailuo_nb.media.clip import probe

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 90

pytestmark = [
    pytest.mark.skipif(os.environ.get("CI") != "true", reason="installs packages; runs where CI=true"),
    pytest.mark.timeout(900),
]


def test_the_first_command_sets_up_all_the_quickstart_needs(tmp_path: Path) -> None:
    """``pip install '.[lab]'`` alone brings JupyterLab and everything the notebook runs on; no test extra, no key."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"^pip install ('\.\[lab\]') && jupyter lab (\S+)$", readme, re.MULTILINE)
    assert found is not None
    copy = cloned(tmp_path / "clone")
    venv = tmp_path / "venv"
    run([sys.executable, "-m", "venv", str(venv)], tmp_path)
    tools = venv / "bin"
    # Bytecode of what is never imported takes pip a quarter of the time, and is nothing that this looks at.
    install = [tools / "pip", "install", "-q", "--no-compile", found[1].strip("'")]
    subprocess.run(install, cwd=copy, check=True, capture_output=True)
    shutil.rmtree(copy / "hailuo_nb")  # what runs is what was installed
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    run([tools / "jupyter", "lab", "--version"], copy, environment)
    notebook = copy / found[2]
    started = time.monotonic()
    run([tools / "jupyter", "execute", "--inplace", notebook.name], notebook.parent, environment)
    assert time.monotonic() - started < MOST_SECONDS
    clips = list((notebook.parent / "hailuo" / "clips").glob("*.mp4"))
    assert len(clips) == 3
    assert all(probe(clip).duration_s == 6.0 for clip in clips)
    assert json.dumps(json.loads(notebook.read_text("utf-8"))).count("<video") == len(clips)


def test_binder_launches_the_quickstart_on_the_simulator(tmp_path: Path) -> None:
    """The builder's steps: that Python, ``binder/requirements.txt`` from the root, then JupyterLab on the notebook."""
    copy = cloned(tmp_path / "clone")
    version = (copy / "binder" / "runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    python = (
        sys.executable if version == f"{sys.version_info[0]}.{sys.version_info[1]}" else f"python{version}"
    )
    venv = tmp_path / "venv"
    tools = venv / "bin"
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    run([find_uv_bin(), "venv", "-q", "--python", python, venv], tmp_path)
    install = ["pip", "install", "-q", "--python", tools / "python", "-r", "binder/requirements.txt"]
    run([find_uv_bin(), *install], copy)
    notebook = copy / "notebooks" / "01_quickstart.ipynb"
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--IdentityProvider.token=binder"]
    server = subprocess.Popen(
        [tools / "jupyter-lab", *options], cwd=copy, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        address = next(
            found[0] for line in server.stderr if (found := re.search(r"http://localhost:\d+/", line))
        )
        answers = [
            httpx.get(f"{address}{path}{notebook.relative_to(copy).as_posix()}?token=binder", timeout=30)
            for path in ("lab/tree/", "api/contents/")
        ]
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "JupyterLab" in answers[0].text
    assert answers[1].json()["type"] == "notebook"
    run([tools / "jupyter", "execute", "--inplace", notebook.name], notebook.parent, environment)
    assert len(list((notebook.parent / "hailuo" / "clips").glob("*.mp4"))) == 3
    assert "simulated" in notebook.read_text("utf-8")


def cloned(copy: Path) -> Path:
    """Copy what is tracked, as a clone has it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return copy


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its good end, or show what it said."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
