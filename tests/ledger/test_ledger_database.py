"""The file: what is opened, what is refused, and how it is kept safe."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.database import is_networked
from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]
Carry = Callable[..., ClipRow]
TO_COMPLETED = ("submitting", "submitted", "processing", "downloading", "completed")


def change(path: Path, *statements: str) -> None:
    """Change a ledger's file behind its back."""
    with closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


@pytest.mark.parametrize(("networked", "journal"), [(False, "wal"), (True, "delete")])
def test_every_commit_is_durable(open_ledger: Open, networked: bool, journal: str) -> None:
    """WAL with a sync for each commit; a rollback journal where WAL is unsafe."""
    ledger = open_ledger(networked=networked)
    with ledger._database.read() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "trusted_schema")
        ]
    assert [journal, 2, 30_000, 0] == pragmas


def test_a_ledger_that_moved_to_a_network_drive_changes_its_journal(open_ledger: Open, clip: Make) -> None:
    """Nothing is lost on the way."""
    first = open_ledger()
    row = first.reserve(NewBatch(), [clip()])[0].row
    first.close()
    assert [row.id] == [each.id for each in open_ledger(networked=True).rows()]


@pytest.mark.parametrize(
    ("place", "is_far"),
    [
        ("/home/me/hailuo/ledger.db", False),
        ("/mnt/lab/hailuo/ledger.db", True),
        ("/mnt/lab/local/ledger.db", False),
        ("/mnt/My Drive/hailuo/ledger.db", True),
        ("/mnt/laboratory/ledger.db", False),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the list of mounts is Linux's")
def test_network_drives_are_told_from_the_mounts(place: str, is_far: bool) -> None:
    """The deepest mount point counts; spaces are escaped in the list."""
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\nserver:/lab /mnt/lab nfs4 rw 0 0\nbroken\n"
        "/dev/sdb1 /mnt/lab/local ext4 rw 0 0\nhost /mnt/My\\040Drive fuse.sshfs rw 0 0\n"
    )
    assert is_far == is_networked(Path(place), mounts)


@pytest.mark.parametrize(
    "content", [b"not a database at all, but some text" * 100, b"SQLite format 3\x00" + b"x" * 4096]
)
def test_a_file_that_is_no_ledger_is_left_as_it_is(ledger_path: Path, content: bytes) -> None:
    """One line, and not one byte changed."""
    ledger_path.parent.mkdir()
    ledger_path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        Ledger.open(ledger_path)
    assert content == ledger_path.read_bytes()
    assert [ledger_path] == list(ledger_path.parent.iterdir())


def test_another_programs_database_is_left_as_it_is(ledger_path: Path) -> None:
    """It is a good SQLite file, and not ours."""
    ledger_path.parent.mkdir()
    change(ledger_path, "CREATE TABLE clips (id TEXT)")
    before = ledger_path.read_bytes()
    with pytest.raises(LedgerError, match="another program's database"):
        Ledger.open(ledger_path)
    assert before == ledger_path.read_bytes()


def test_an_empty_file_becomes_a_ledger(ledger_path: Path) -> None:
    """As a tool may leave one."""
    ledger_path.parent.mkdir()
    ledger_path.touch()
    with Ledger.open(ledger_path) as ledger:
        assert ledger.rows() == []


def test_a_folder_in_its_place_and_a_file_above_it_get_one_line(tmp_path: Path) -> None:
    """What to do is part of the line."""
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "folder.db", tmp_path / "file" / "ledger.db"):
        with pytest.raises(LedgerError, match="dir") as caught:
            Ledger.open(wrong)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="the rights are POSIX's")
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "existing"])
def test_a_read_only_folder_gets_one_line(tmp_path: Path, is_there: bool) -> None:
    """Run by a user who is not root, since root may write anywhere."""
    folder = tmp_path / "hailuo"
    folder.mkdir()
    if is_there:
        Ledger.open(folder / "ledger.db").close()
        shutil.rmtree(folder / "locks")
        (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)
    program = (
        "import os, pathlib, sys\n"
        "from hailuo_nb.errors import LedgerError\n"
        "from hailuo_nb.ledger.store import Ledger\n"
        "if os.geteuid() == 0:\n"
        "    os.setuid(65534)\n"
        "try:\n"
        "    Ledger.open(pathlib.Path('hailuo/ledger.db'))\n"
        "except LedgerError as error:\n"
        "    print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    folder.chmod(0o755)
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    assert "Give this user the right to write there" in done.stdout


def test_a_ledger_with_triggers_is_not_used(open_ledger: Open, ledger_path: Path) -> None:
    """A stranger's file could change rows while ours are written."""
    open_ledger().close()
    change(
        ledger_path,
        "CREATE TRIGGER free AFTER INSERT ON clips BEGIN UPDATE spent SET micros = 0; END",
    )
    with pytest.raises(LedgerError, match="triggers or views"):
        open_ledger()


def test_a_doctored_sum_is_no_room_in_the_budget(
    open_ledger: Open, ledger_path: Path, clip: Make, carry: Carry
) -> None:
    """Opening holds the sums against the rows, and negative costs count as nothing."""
    ledger = open_ledger()
    carry(ledger, clip("a"), *TO_COMPLETED)
    bought = carry(ledger, clip("b"), *TO_COMPLETED)
    ledger.close()
    change(
        ledger_path,
        "UPDATE spent SET micros = -1000000000",
        f"UPDATE clips SET cost_micros = -1000000000 WHERE id = '{bought.id}'",
        "INSERT INTO spent VALUES ('nobody', -5)",
    )
    again = open_ledger()
    assert Decimal("0.49") == again.committed_usd("simulator")
    with pytest.raises(BudgetExceeded):
        again.reserve(NewBatch(), [clip("c")], budget_usd=Decimal("0.97"))


def test_what_somebody_wrote_into_the_file_still_reads(
    open_ledger: Open, ledger_path: Path, clip: Make, carry: Carry
) -> None:
    """Broken JSON and times that no clock shows become empty values."""
    row = carry(ledger := open_ledger(), clip())
    ledger.close()
    change(ledger_path, "UPDATE clips SET inputs = '{', tags = '7', axes = '[1]', finished_utc_ms = 9e18")
    again = open_ledger().row(row.id)
    assert (again.inputs, again.tags, again.axes, again.finished_utc) == ({}, (), {}, None)


def test_a_busy_ledger_says_so(open_ledger: Open, ledger_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds it for longer than the wait."""
    monkeypatch.setattr("hailuo_nb.ledger.database.BUSY_S", 0.05)
    ledger = open_ledger()
    with closing(sqlite3.connect(ledger_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked by another program"):
            ledger.remember("k", 1)
        other.execute("ROLLBACK")
    ledger.remember("k", 1)
    assert ledger.recall("k") == 1


def test_a_write_that_breaks_leaves_nothing(
    ledger: Ledger, clip: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row, the batch, the event and the sum are one transaction."""
    monkeypatch.setattr("hailuo_nb.ledger.reserving._place", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.reserve(NewBatch(), [clip()])
    assert ledger.rows() == []
    with ledger._database.read() as connection:
        assert [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            for table in ("batches", "events")
        ] == [0, 0]
