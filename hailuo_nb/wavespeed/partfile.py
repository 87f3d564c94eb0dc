"""A file that is on its way: ``<name>.part``, and beside it what is needed to go on with it later.

In come pieces of the file; out goes a whole ``.part`` on durable storage. The note ``<name>.part.json`` holds
the server's mark of this very version (ETag), without which a rest is never glued to a beginning; it is there
only while the file is unfinished. What the disk refuses becomes one line. Next: `hailuo_nb.jobs` checks the
clip and names it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hailuo_nb.errors import DownloadFailed

# Strong ETags and dates only: this goes into a header.
_VALIDATOR = re.compile(r'"[\x21\x23-\x7e]{1,200}"|[A-Za-z]{3}, [0-9A-Za-z :]{15,30} GMT')
MOST_WAITING = 8
FLUSH_BYTES = 4_000_000
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the folder is read-only; make it writable",
    errno.EACCES: "the folder may not be written to; change its permissions",
    errno.EPERM: "the folder may not be written to; change its permissions",
    errno.ENOENT: "its folder has vanished; bring it back",
    errno.ENOTDIR: "its folder is no folder; bring it back",
    errno.ENAMETOOLONG: "its name is too long for this disk; choose a shorter one",
    errno.EFBIG: "it is too large for this disk",
    errno.ELOOP: "a link stands in its place; remove it",
}


@dataclass(frozen=True)
class Mark:
    """Which version of which file a beginning belongs to.

    Attributes
    ----------
    source : str
        A hash of the address without its query.
    validator : str
        The strong ETag, or the date of the last change.
    total : int or None
        The size of the whole file, where the server told it.
    """

    source: str
    validator: str
    total: int | None


def part_path(path: Path) -> Path:
    """Give the path a download is written to until it is whole and checked."""
    return path.with_name(path.name + ".part")


def is_validator(text: str) -> bool:
    """Whether this can stand in ``If-Range``."""
    return _VALIDATOR.fullmatch(text) is not None


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Say in one line what the disk refused."""
    try:
        yield
    except OSError as error:
        cause = _CAUSES.get(
            error.errno or 0, f"{os.strerror(error.errno)}" if error.errno else "the disk refused"
        )
        raise DownloadFailed(f"{path.name} cannot be written: {cause}; the download goes on then.") from None


class PartFile:
    """The unfinished file of one download; every method blocks and may raise DownloadFailed."""

    def __init__(self, path: Path) -> None:
        self.path = part_path(path)
        self._note = path.with_name(path.name + ".part.json")
        self._file: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._file is not None

    def beginning(self, source: str) -> tuple[int, Mark | None]:
        """Give how much is here of the file at `source` and its mark; 0 and None to begin again."""
        try:
            with self._note.open("rb") as file:
                note = json.loads(file.read(4096))
            size = self.path.lstat().st_size
            mark = Mark(str(note["source"]), str(note["validator"]), note["total"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, None
        if (
            mark.source != source
            or not is_validator(mark.validator)
            or not isinstance(mark.total, int | None)
        ):
            return 0, None
        if size == 0 or self.path.is_symlink() or (mark.total is not None and size > mark.total):
            return 0, None
        return size, mark

    def start(self, mark: Mark | None) -> None:
        """Begin an empty file, in place of whatever stands there."""
        self.discard()
        with disk(self.path):
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
            if mark is not None:
                note = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
                try:
                    os.write(note, json.dumps(mark.__dict__).encode())
                finally:
                    os.close(note)

    def go_on(self) -> None:
        """Open what is here to write on at its end."""
        with disk(self.path):
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | _NO_LINKS)

    def write(self, data: bytes | bytearray) -> None:
        """Write on, all of it."""
        if self._file is None:
            raise ValueError("the file is not open")
        with disk(self.path):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def flush(self) -> None:
        """Bring what is written to the disk, so that less is left to wait for at the end."""
        if self._file is not None and hasattr(os, "fdatasync"):
            with disk(self.path):
                os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file, keeping what was written."""
        if self._file is not None:
            file, self._file = self._file, None
            with disk(self.path):
                os.close(file)

    def finish(self) -> int:
        """Make the whole file durable, drop the note and give the file's size."""
        with disk(self.path):
            file = os.open(self.path, os.O_RDWR | _NO_LINKS)
            try:
                os.fsync(file)
                size = os.fstat(file).st_size
            finally:
                os.close(file)
            self._note.unlink(missing_ok=True)
        return size

    def discard(self) -> None:
        """Remove the beginning and its note."""
        self.close()
        with disk(self.path):
            self._note.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)


class Writer:
    """A thread that writes one part file while the next bytes come; at most `MOST_WAITING` batches wait for it.

    What was given is written in its order, whole, and nothing after a batch that the disk refused: a part file is
    always the beginning of its clip.
    """

    def __init__(self, part: PartFile) -> None:
        self._part = part
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hailuo-part")
        self._given: deque[Future[None]] = deque()
        self._unflushed = 0
        self._is_refused = False

    async def write(self, batch: bytearray) -> None:
        """Give a batch, which the caller must not touch again; waits while too many are given already."""
        self._given.append(self._thread.submit(self._write, batch))
        await self._until(MOST_WAITING)

    async def all_written(self) -> None:
        """Wait for what was given."""
        await self._until(0)

    async def _until(self, most: int) -> None:
        while len(self._given) > most:
            # Shielded: a batch whose waiting is cancelled is written all the same, as the next ones follow it.
            await asyncio.shield(asyncio.wrap_future(self._given[0]))
            self._given.popleft()

    def end(self) -> None:
        """Wait until all is written, and end the thread; raises what the disk refused."""
        self._thread.shutdown(wait=True)
        while self._given:
            self._given.popleft().result()

    def _write(self, batch: bytearray) -> None:
        if self._is_refused:
            return
        try:
            self._part.write(batch)
            self._unflushed += len(batch)
            if self._unflushed >= FLUSH_BYTES:
                self._unflushed = 0
                self._part.flush()
        except BaseException:
            self._is_refused = True
            raise
