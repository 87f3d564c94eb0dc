"""Contact sheets: a batch on one picture, laid out by its axes as a person would draw the table.

In come finished clips (and those that are not, which keep their place); out goes a `Sheet`, one PNG. The frames are cut
out and the page is drawn in the worker process (`hailuo_nb.media.contact`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.errors import ClipInvalid, DownloadFailed, InvalidRequest
from hailuo_nb.jobs.job import Job

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

MOST_FRAMES = 24
WIDEST = 2400
# All strips together; a PNG of twice as much is more than an issue takes.
MOST_PIXELS = 9_000_000
LARGEST_TILE, SMALLEST_TILE = 240, 64
_PLAIN = frozenset({"variant", "duration"})

Cell = list[Job]


@dataclass(frozen=True)
class Sheet:
    """A contact sheet, which shows itself in a notebook.

    Attributes
    ----------
    png : bytes
        The picture.
    """

    png: bytes

    def save(self, path: str | Path) -> Path:
        """Write it to a file; gives the file's path.

        Parameters
        ----------
        path : str or Path
            Ends in ``.png``; what is there is written over.
        """
        target = Path(path).expanduser()
        if target.suffix.lower() != ".png":
            raise InvalidRequest(f"A sheet is a PNG: save it as {target.with_suffix('.png').name}.")
        target.write_bytes(self.png)
        return target

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"<Sheet {len(self.png) / 1e6:.1f} MB>"


def sheet(
    session: Session,
    jobs: Sequence[Job],
    *,
    frames: int = 4,
    x: str | None = None,
    money: bool = False,
    title: str = "",
) -> Sheet:
    """Draw jobs on one contact sheet; see `hailuo_nb.notebook.api.sheet`."""
    if not 1 <= frames <= MOST_FRAMES:
        raise InvalidRequest(f"A sheet shows 1 to {MOST_FRAMES} frames of a clip, not {frames}.")
    jobs = list(dict.fromkeys(jobs))
    if not jobs:
        raise InvalidRequest("There are no clips to put on a sheet.")
    differing = _differing(jobs)
    if x is not None and x not in differing:
        known = ", ".join(differing) or "nothing"
        raise InvalidRequest(f"These clips do not differ in {x[:40]!r}; they differ in {known}.")
    size = _tile(len(jobs), frames)
    strips = {job.id: _strip(session, job, frames, size) for job in jobs}
    wide = frames * size[0] + (frames - 1) * 2
    told = _Teller(strips, money=money)
    page = {
        "title": title or _title(jobs, differing),
        "foot": _foot(jobs, money=money),
        "strip": (wide, size[1]),
        "bands": _table(jobs, differing, x, told, wide)
        if len(differing) > 1
        else _flow(jobs, differing, told, wide),
    }
    made = session.work("sheet", path="sheet.png", page=page)
    return Sheet(base64.b64decode(made["sheet"]))


class _Teller:
    """Says what stands in and under the place of a clip."""

    def __init__(self, strips: Mapping[str, tuple[str | None, str]], *, money: bool) -> None:
        self._strips = strips
        self._money = money

    def cell(self, jobs: Sequence[Job], caption: Callable[[Job], str]) -> dict[str, Any]:
        """Give a cell of the page."""
        return {
            "strips": [self._strips[job.id][0] for job in jobs],
            "words": [self._strips[job.id][1] for job in jobs],
            "captions": [" · ".join(filter(None, (caption(job), self._price(job)))) for job in jobs],
        }

    def _price(self, job: Job) -> str:
        cost = job.cost_usd if job.cost_usd is not None else job.quote_usd
        return usd_text(cost) if self._money and cost is not None else ""


def _strip(session: Session, job: Job, frames: int, size: tuple[int, int]) -> tuple[str | None, str]:
    """Cut out a clip's frames; else say why there are none."""
    if job.status != "completed":
        return None, job.status
    try:
        made = session.work("strip", path=str(job.planned_path), count=frames, size=size)
    except (ClipInvalid, DownloadFailed):
        return None, "its file cannot be read"
    return str(made["strip"]), ""


def _tile(clips: int, frames: int) -> tuple[int, int]:
    """Give the size of one frame: as large as so many allow."""
    width = int((MOST_PIXELS / (clips * frames) * 16 / 9) ** 0.5)
    width = min(width, LARGEST_TILE, (WIDEST - 200) // frames - 2)
    width = max(width, SMALLEST_TILE) // 2 * 2
    return width, max(2, round(width * 9 / 16))


def axes_of(job: Job) -> dict[str, str]:
    """Give everything that may tell a clip from another on its sheet."""
    row = job.row
    axes = {"variant": job.variant}
    if row.asked_duration_s:
        axes["duration"] = f"{row.asked_duration_s:g} s"
    axes |= {name: str(value) for name, value in job.axes.items()}
    if not job.axes:
        axes["prompt"] = job.prompt
    return axes | {"take": str(job.take)}


def _differing(jobs: Sequence[Job]) -> list[str]:
    """List the axes in which clips differ, the takes last."""
    found = [axes_of(job) for job in jobs]
    names = dict.fromkeys(name for axes in found for name in axes)
    order = sorted(names, key="take".__eq__)
    return [name for name in order if len({axes.get(name, "") for axes in found}) > 1]


def _flow(jobs: Sequence[Job], differing: Sequence[str], told: _Teller, wide: int) -> list[dict[str, Any]]:
    """Lay clips out one after the other, each with what it is below it."""
    abreast = max(1, min(len(jobs), WIDEST // (wide + 12)))
    cells = [
        told.cell([job], lambda each: _said({name: axes_of(each).get(name, "") for name in differing}))
        for job in jobs
    ]
    rows = [{"head": "", "cells": cells[at : at + abreast]} for at in range(0, len(cells), abreast)]
    return [{"columns": [], "rows": rows}]


def _table(
    jobs: Sequence[Job], differing: Sequence[str], x: str | None, told: _Teller, wide: int
) -> list[dict[str, Any]]:
    """Lay clips out with one axis across and the others down; what is too wide goes on below, heads repeated."""
    across = x or _across(differing)
    down = [name for name in differing if name != across]
    cells: dict[str, dict[str, Cell]] = {}
    columns: dict[str, None] = {}
    for job in jobs:
        axes = axes_of(job)
        head = _said({name: axes.get(name, "") for name in down})
        columns[axes.get(across, "")] = None
        cells.setdefault(head, {}).setdefault(axes.get(across, ""), []).append(job)
    abreast = max(1, (WIDEST - 182) // (wide + 12))
    names = list(columns)
    bands = []
    for number in range(ceil(len(names) / abreast)):
        part = names[number * abreast : (number + 1) * abreast]
        rows = [
            {"head": head, "cells": [told.cell(found.get(name, []), lambda _: "") for name in part]}
            for head, found in cells.items()
        ]
        bands.append({"columns": [_said({across: name}) for name in part], "rows": rows})
    return bands


def _across(differing: Sequence[str]) -> str:
    """Choose the axis that stands across: the last one, takes only where there is just one other."""
    named = [name for name in differing if name != "take"]
    return named[-1] if len(named) > 1 else differing[-1]


def _said(values: Mapping[str, str]) -> str:
    """Write axis values; a take needs its word, a variant or a length does not."""
    return " · ".join(f"take {value}" if name == "take" else value for name, value in values.items() if value)


def _title(jobs: Sequence[Job], differing: Sequence[str]) -> str:
    """Say what all clips share: the name, the prompt with ``{axis}`` where they differ, the variant."""
    shared = [
        {job.name for job in jobs},
        {_worded(job, differing) for job in jobs},
        {job.variant for job in jobs},
    ]
    return " · ".join(found.pop() for found in shared if len(found) == 1 and found != {""})


def _worded(job: Job, differing: Sequence[str]) -> str:
    """Write a clip's prompt with the name of each axis in the place of its value."""
    prompt = job.prompt
    for name, value in job.axes.items():
        if name in differing and value and prompt.count(str(value)) == 1:
            prompt = prompt.replace(str(value), f"{{{name}}}")
    return prompt


def _foot(jobs: Sequence[Job], *, money: bool) -> str:
    """Say what is simulated."""
    services = {job.service for job in jobs}
    if services == {"simulator"}:
        return "Simulated clips, simulated dollars" if money else "Simulated clips"
    return "Some of these clips are simulated" if "simulator" in services else ""
