"""One SQLite file, opened so that many kernels can share it.

In comes a path; out come connections in a transaction, one line instead of SQLite's errors, and tables that
are up to date. Next: `hailuo_nb.ledger.store`, which knows what the tables mean.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger.faults import one_line
from hailuo_nb.ledger.migrations import APPLICATION_ID, MIGRATIONS
from hailuo_nb.ledger.tables import metadata

BUSY_S = 30.0
_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "davfs",
    }
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.davfs2"}
    | {"beegfs", "gpfs", "ncpfs", "vboxsf", "virtiofs", "prl_fs", "fuse.vmhgfs-fuse", "drvfs"}
)


class Database:
    """A pool of connections to one ledger file; any thread may use it.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is made where it is not.
    is_networked : bool
        Whether the file lies on a network file system, where WAL is unsafe.
    """

    def __init__(self, path: Path, *, is_networked: bool) -> None:
        self.path = path
        self._journal = "DELETE" if is_networked else "WAL"
        self._engine = self._make_engine()
        # Waiting for SQLite's lock is polling with growing gaps; threads of one kernel need not do that.
        self._one_writer = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside ``BEGIN IMMEDIATE``; the block is written whole or not at all."""
        with self._one_writer, self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the ledger throughout the block."""
        with self._transaction("BEGIN") as connection:
            yield connection

    def checkpoint(self) -> None:
        """Bring what is in the write-ahead log into the file itself, as far as no other kernel is reading."""
        if self._journal != "WAL":
            return
        connection = self._engine.raw_connection()
        try:
            # It must not wait: whoever uses the ledger comes first, and the next rest is soon.
            connection.cursor().execute("PRAGMA busy_timeout = 0")
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.cursor().execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")
        except sqlite3.Error as error:
            connection.invalidate()
            raise one_line(self.path, error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(hailuo_begin=begin)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise one_line(self.path, error.orig) from error
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise one_line(self.path, error) from error

    def _make_engine(self) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}",
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=60,
            hide_parameters=True,
            connect_args={"timeout": BUSY_S, "check_same_thread": False},
        )
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine

    def _on_connect(self, connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = (
            None  # we say BEGIN ourselves, so that tables change inside a transaction too
        )
        connection.execute("PRAGMA trusted_schema = OFF")  # the file may be a stranger's
        (journal,) = connection.execute(f"PRAGMA journal_mode = {self._journal}").fetchone()
        if self._journal == "DELETE" and journal == "wal":
            raise LedgerError(
                f"The ledger {self.path.name} lies on a network drive and another kernel has it open in a "
                "way that is not safe there. Close the other notebooks, then try again."
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16000")


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("hailuo_begin", "BEGIN"))


def check_file(path: Path) -> None:
    """Refuse a file that is not a ledger, before anything is written to it."""
    try:
        if not path.exists() or (path.is_file() and path.stat().st_size == 0):
            return
        if path.is_dir():
            raise IsADirectoryError
        with closing(
            sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
            )
        ) as file:
            # Both from one moment: another kernel may be making this very ledger.
            file.execute("BEGIN")
            (application,) = file.execute("PRAGMA application_id").fetchone()
            kinds = dict(
                file.execute("SELECT name, type FROM sqlite_master WHERE type <> 'index'").fetchall()
            )
    except (sqlite3.Error, OSError) as error:
        raise one_line(path, error) from error
    if not kinds and application == 0:
        return
    if application != APPLICATION_ID:
        raise LedgerError(
            f"{path.name} is another program's database, not a ledger. Move it away, or set another dir."
        )
    if "trigger" in kinds.values() or any(kinds.get(name, "table") != "table" for name in metadata.tables):
        raise LedgerError(
            f"{path.name} holds triggers or views that no version of this package made, so it is not used. "
            "Move it away, or set another dir."
        )


def migrate(database: Database, now_ms: Callable[[], int]) -> None:
    """Bring the tables up to date, each step in one transaction with its record."""
    for number, migration in enumerate(MIGRATIONS, start=1):
        with database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS migrations"
                " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_utc_ms INTEGER NOT NULL)"
            )
            have = connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM migrations").scalar_one()
            if have > len(MIGRATIONS):
                raise LedgerError(
                    f"{database.path.name} was written by a newer hailuo_nb. Upgrade: pip install -U "
                    "hailuo_nb, then restart the kernel."
                )
            if number <= have:
                continue
            for statement in migration.statements:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(
                "INSERT INTO migrations VALUES (?, ?, ?)", (number, migration.name, now_ms())
            )


def is_networked(path: Path, mounts: str | None = None) -> bool:
    """Whether a file lies on a network file system, as far as this system tells.

    Parameters
    ----------
    path : pathlib.Path
        A file or folder; it need not exist.
    mounts : str, optional
        The text of ``/proc/mounts``; read where not given.
    """
    if sys.platform == "win32":
        return str(path.absolute()).startswith("\\\\")
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "replace")
        except OSError:
            return False
    place = path.absolute()
    found, kind = Path("/"), ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        # The deepest mount point that holds the file; of two on one point the later one is on top.
        if place.is_relative_to(point) and len(point.parts) >= len(found.parts):
            found, kind = point, fields[2]
    return kind in _NETWORK


def _unescaped(point: str) -> str:
    """Read the octal escapes of a mount point, in which a space is written as 040."""
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(octal, character)
    return point
