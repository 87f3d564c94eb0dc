"""A file that is written whole or not at all.

In comes the path of a file to be; out goes a stream, whose bytes take that file's place when all of them are on disk.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hailuo_nb.errors import InvalidRequest

__all__ = ["replacing"]

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place and put it there in the end; an error in between leaves what was there.

    Raises
    ------
    InvalidRequest
        The folder is not there or cannot be written, or the disk is full.
    """
    part = path.with_name(f".{path.name[:80]}-{secrets.token_hex(4)}.part")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
        try:
            with os.fdopen(file, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if mode is not None:
                part.chmod(mode)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidRequest(
            f"{path.name[:80]} was not written: {reason}. Name a file in a folder that is there and may be written."
        ) from error
