"""Small pictures of clips, for tables: from the jobs that have them, else made from the files.

In come clips as rows of a table, out go JPEGs of about 1 kB. Only the rows that are shown are asked for. What is not
there yet is made in the media worker's process, one after the other (40-90 ms each), so that the kernel stays free and
a clip that is just arriving is finished in between. They are kept in this kernel's memory only: a file of them beside
the clips would have to be cleared up and copied, and saves the worker a few seconds once a kernel.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import HailuoError
from hailuo_nb.jobs.files import inside
from hailuo_nb.notebook.sheet import thumbnail

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["Posters"]

_WIDTH = 160
_KEPT = 4000
"""At 1 kB each about 4 MB."""

Rows = Sequence[Mapping[str, Any]]


class Posters:
    """The small pictures that this kernel has.

    Parameters
    ----------
    session : Session
        Has the jobs, the folder and the worker.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kept: dict[str, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def there(self, rows: Rows) -> dict[str, bytes]:
        """Give what can be had at once, by clip id."""
        jobs: dict[str, bytes] = {}
        for service in dict.fromkeys(str(row["service"]) for row in rows if row["status"] == "completed"):
            try:
                jobs |= {job.id: job.poster for job in self._session.runner(service).known() if job.poster}
            except HailuoError:  # closed, or a service that there is not: what is kept is still good
                continue
        for row in rows:
            if _name(row) not in self._kept and jobs.get(row["id"]):
                self._keep(_name(row), thumbnail(jobs[row["id"]], _WIDTH))
        return {row["id"]: self._kept[_name(row)] for row in rows if self._kept.get(_name(row))}

    def missing(self, rows: Rows) -> frozenset[str]:
        """Give the clips that should be on disk and are not."""
        folder = self._session.folder
        return frozenset(
            row["id"]
            for row in rows
            if row["status"] == "completed"
            and not ((path := inside(row.get("path"))) and (folder / path).is_file())
        )

    def make(self, rows: Rows, made: Callable[[int], object]) -> Future[None]:
        """Make what is not there, and call ``made(count)`` on the background thread after each.

        Parameters
        ----------
        rows : sequence of mapping
            The clips that are shown; those whose file is not on disk are left out.
        made : callable
            Is told how many are made.

        Returns
        -------
        Future
            Done when all that can be made is.
        """
        away = self.missing(rows)
        todo = [
            row
            for row in rows
            if row["status"] == "completed" and row["id"] not in away and _name(row) not in self._kept
        ]
        done: Future[None] = Future()
        if not todo:
            done.set_result(None)
            return done
        try:
            runner = self._session.runner(str(todo[0]["service"]))
        except HailuoError:
            done.set_result(None)
            return done

        def begin() -> None:
            task = asyncio.get_running_loop().create_task(self._fill(runner.desk.work, todo, made))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: done.set_result(None))

        runner.call(begin)
        return done

    async def _fill(self, work: Callable[..., Any], todo: Rows, made: Callable[[int], object]) -> None:
        """Have the worker draw one after the other."""
        for count, row in enumerate(todo, 1):
            path = self._session.folder / str(row["path"])
            try:
                reply = await work("poster", path=str(path))
                small = thumbnail(base64.b64decode(reply["poster"]), _WIDTH)
            except (HailuoError, OSError, ValueError):
                small = b""  # what is no video now will be none the next time
            self._keep(_name(row), small)
            made(count)

    def _keep(self, name: str, small: bytes) -> None:
        """Keep a picture, and let go of the oldest."""
        self._kept[name] = small
        while len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept)))


def _name(row: Mapping[str, Any]) -> str:
    """Name a clip by what its file is, so that another file in its place has another picture."""
    return f"{row.get('path')}\n{row.get('sha256')}"
