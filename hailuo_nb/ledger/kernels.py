"""Which kernel is alive: a file lock that the system frees when its holder dies.

In comes a folder and a kernel's name; out goes whether that kernel still holds its lock. Where locks do not
reach (a network file system, or one without locks), a lease of 30 s in the ledger speaks beside them.

Probing takes the lock for a moment, and two probes at once would each see a living kernel in the other. So
`KernelLocks.is_held` may be called only inside a write transaction of the ledger, which there is one of at a
time.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from hailuo_nb.errors import LedgerError

LEASE_S = 30.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def checked_name(kernel: str) -> str:
    """Refuse a kernel's name that could not be a file's."""
    if not _NAME.fullmatch(kernel):
        raise LedgerError(f"{kernel!r} cannot name a kernel: use letters, digits, - and _.")
    return kernel


class KernelLocks:
    """The lock files of one ledger's kernels.

    Parameters
    ----------
    folder : pathlib.Path
        ``hailuo/locks``; made when needed.
    kernel : str
        The name of this kernel.
    """

    def __init__(self, folder: Path, kernel: str) -> None:
        self._folder = folder
        self._kernel = checked_name(kernel)
        self._mine: BaseFileLock | None = None
        self.has_lock = False

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Let one kernel at a time open the ledger: turning on WAL, migrations, sweeping."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = self._lock("_opening")  # no kernel's name begins so
        try:
            lock.acquire(timeout=30)
        except Timeout:
            raise LedgerError(
                "The ledger is being opened by another kernel, which does not finish. Restart that one."
            ) from None
        except NotImplementedError:
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def hold(self) -> None:
        """Take this kernel's own lock for as long as it lives."""
        lock = self._lock(self._kernel)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # filelock warns where it falls back to a soft lock
                lock.acquire(timeout=2)  # a probe may hold it for an instant
        except Timeout:
            raise LedgerError(
                f"Another kernel named {self._kernel} has this ledger open. Use another name."
            ) from None
        except NotImplementedError:
            return
        # A soft lock is a file that stays when its holder is killed: it proves nothing.
        self.has_lock = not isinstance(lock, SoftFileLock)
        self._mine = lock

    def drop(self) -> None:
        """Give this kernel's lock back and take its file away."""
        if self._mine is not None:
            self._mine.release()
            self._mine = None
            with suppress(OSError):
                self._file(self._kernel).unlink()

    def is_held(self, kernel: str) -> bool:
        """Whether a kernel holds its lock; takes the file of a dead one away."""
        if kernel == self._kernel:
            return True
        if not _NAME.fullmatch(kernel) or not self._file(kernel).exists():
            return False
        lock = self._lock(kernel)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except (NotImplementedError, OSError):
            return False
        lock.release()
        with suppress(OSError):
            self._file(kernel).unlink()
        return False

    def sweep(self) -> None:
        """Take away what killed kernels left; only inside `opening`, or a new one might go."""
        for file in self._folder.glob("[!_]*.lock"):
            self.is_held(file.stem)

    def _file(self, kernel: str) -> Path:
        return self._folder / f"{kernel}.lock"

    def _lock(self, kernel: str) -> BaseFileLock:
        # Any executor thread may come back to the same lock: it belongs to the process, not to a thread.
        return FileLock(self._file(kernel), thread_local=False)
