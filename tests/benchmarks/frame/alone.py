"""One benchmark in a process of its own: its memory, threads and imports are nobody else's.

In comes a name, out come its rows; a benchmark that breaks is a row that says so, and the others go on. Run as
``python -m tests.benchmarks.frame.alone NAME FILE`` it is the inside of that process.
"""

from __future__ import annotations

import compileall
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import tests.benchmarks as package
from tests.benchmarks.frame.row import NotMeasured, Row

ROOT = Path(__file__).resolve().parents[3]
LONGEST_S = 900.0


def names() -> list[str]:
    """List the benchmarks: every module beside the package's docstring."""
    found = pkgutil.iter_modules(package.__path__)
    held = ("__main__", "conftest", "test_")
    return sorted(each.name for each in found if not each.ispkg and not each.name.startswith(held))


def measured(name: str) -> tuple[list[Row], list[str]]:
    """Run a benchmark; gives its rows, and the peers whose versions are to be told."""
    with tempfile.TemporaryDirectory() as folder:
        file, errors = Path(folder) / "rows.json", Path(folder) / "errors.txt"
        command = [sys.executable, "-m", "tests.benchmarks.frame.alone", name, str(file)]
        with errors.open("wb") as into:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_as_installed(),
                stdout=subprocess.DEVNULL,
                stderr=into,
                start_new_session=True,
            )
            try:
                child.wait(LONGEST_S)
            except subprocess.TimeoutExpired:
                return [_broken(name, f"not done after {LONGEST_S:.0f} s")], []
            finally:
                _end(child)
        if not file.exists():
            text = errors.read_text("utf-8", "replace")
            sys.stderr.write(text)
            return [_broken(name, (text.strip().splitlines() or ["it ended without a word"])[-1])], []
        told = json.loads(file.read_text("utf-8"))
    return [Row(**row) for row in told["rows"]], told["peers"]


def _as_installed() -> dict[str, str]:
    """Give an environment in which bytecode is kept, as it is for every package that was installed."""
    compileall.compile_dir(ROOT / "hailuo_nb", quiet=1)
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a benchmark and what it started in its process session, as after Ctrl-C."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _broken(name: str, why: str) -> Row:
    return Row(name, None, "", note=f"broke: {why}")


def main(name: str, file: str) -> None:
    """Measure here, and leave the rows in a file."""
    module = importlib.import_module(f"{package.__name__}.{name}")
    try:
        rows = module.rows()
    except NotMeasured as missing:
        rows = [Row(name, None, "", note=f"not measured: {missing}")]
    told = {"rows": [asdict(row) for row in rows], "peers": list(getattr(module, "PEERS", ()))}
    Path(file).write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
