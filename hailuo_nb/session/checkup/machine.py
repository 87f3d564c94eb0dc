"""Looks at this machine: Python, packages, codec, disk.

In come a session and what is installed; out go rows. Nothing is written but one empty file in the notebook's folder,
which is gone again at once.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.ledger.database import is_networked
from hailuo_nb.media.codecs import h264_works
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["codec", "folder", "hidden", "packages", "python"]

# Those by which a front end and a kernel understand each other, and what is often asked for; all others are libraries.
NOTEBOOK = (
    "ipykernel",
    "ipython",
    "ipywidgets",
    "anywidget",
    "jupyterlab",
    "notebook",
    "jupyter-server",
    "nbconvert",
)
_NEED = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)\s*$")
_LITTLE, _TOO_LITTLE = 2_000_000_000, 200_000_000

Version = Callable[[str], str]


def python() -> Check:
    """Say which Python and which kind of system this is."""
    value = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check("Python", OK, value)


def packages(found: Version = version, needs: Sequence[str] | None = None) -> list[Check]:
    """Say which packages there are, and which of those that are needed are missing or too old.

    Parameters
    ----------
    found : callable
        Gives the version of a package, or raises PackageNotFoundError.
    needs : sequence of str, optional
        What this package says it needs.
    """
    needs = (requires("hailuo_nb") or []) if needs is None else needs
    least = {match[1].lower(): match[2] for need in needs if (match := _NEED.match(need))}
    names = [*NOTEBOOK, *(name for name in sorted(least) if name not in NOTEBOOK)]
    there: dict[str, str] = {}
    faults = []
    for name in names:
        try:
            there[name] = found(name)
        except PackageNotFoundError:
            faults += [f"{name}>={least[name]}"] if name in least else []
            continue
        if name in least and _numbers(there[name]) < _numbers(least[name]):
            faults.append(f"{name}>={least[name]}")
    rows = [Check("hailuo_nb", OK, found("hailuo_nb"))]
    for what, mine in (
        ("notebook packages", NOTEBOOK),
        ("libraries", [n for n in names if n not in NOTEBOOK]),
    ):
        said = ", ".join(f"{name} {there[name]}" for name in mine if name in there)
        wrong = [fault for fault in faults if fault.partition(">")[0] in mine]
        do = (
            f"%pip install -U {' '.join(repr(fault) for fault in wrong)}, then restart the kernel."
            if wrong
            else ""
        )
        rows.append(Check(what, BROKEN if wrong else OK, said, do))
    return rows


def _numbers(text: str) -> tuple[int, ...]:
    """Read a version as numbers: ``7.4.0rc1`` as 7, 4, 0."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[A-Za-z+]", text)[0])[:3])


def codec() -> Check:
    """Say whether clips can be read and made here."""
    writes, reads = h264_works()
    what, name = "codec", f"PyAV {version('av')}"
    if not reads:
        return Check(
            what, BROKEN, f"{name} does not read H.264", "%pip install -U av, then restart the kernel."
        )
    if not writes:
        do = "The simulator and hn.join need it: %pip install -U av, then restart the kernel."
        return Check(what, LOOK, f"{name} reads H.264 and does not write it", do)
    return Check(what, OK, f"{name} reads and writes H.264")


def folder(session: Session) -> list[Check]:
    """Say whether clips can be written beside the notebook, how much room there is, and on what kind of drive."""
    place = session.folder
    free = shutil.disk_usage(place).free
    room = f"{free / 1e9:,.1f} GB free"
    if not _takes_files(
        place / session.settings().dir if (place / session.settings().dir).is_dir() else place
    ):
        do = "Give this user the right to write beside the notebook, or move the notebook."
        return [Check("disk", BROKEN, f"{room}, the folder cannot be written", do), _drive(place)]
    state = BROKEN if free < _TOO_LITTLE else LOOK if free < _LITTLE else OK
    return [
        Check("disk", state, room, "" if state == OK else "Make room: a clip takes 1 to 10 MB."),
        _drive(place),
    ]


def _takes_files(place: Path) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".hailuo-"):
            return True
    except OSError:
        return False


def _drive(place: Path) -> Check:
    """Say whether the ledger lies on a network drive, where SQLite's faster journal is not safe."""
    if is_networked(place):
        do = (
            "Several machines on one ledger are slow and rely on the drive's locks; a local folder is better."
        )
        return Check("drive", LOOK, "a network file system; the ledger keeps a rollback journal", do)
    return Check("drive", OK, "local")


def hidden(session: Session) -> Check:
    """Say whether Jupyter would serve the clips: it shows nothing that lies in a hidden folder."""
    name = session.settings().dir
    if any(part.startswith(".") for part in Path(name).parts):
        do = "Set dir to a name without a dot; clips in a hidden folder do not play."
        return Check("clips folder", BROKEN, f"{name}, which is hidden", do)
    above = [
        part for part in session.folder.parts if part.startswith(".") and part not in (os.curdir, os.pardir)
    ]
    if above:
        do = "If clips do not play, move the notebook: Jupyter serves no hidden folder inside its own."
        return Check("clips folder", LOOK, f"{name}, below a hidden folder", do)
    return Check("clips folder", OK, name)
