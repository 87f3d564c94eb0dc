"""A repository that holds ``hailuo/``, cloned to where there is no key and no service: the same clips, for nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from travel_world import PROMPT, as_real, copied, opened

from hailuo_nb import errors
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.media.clip import sha256_of
from hailuo_nb.session import cloned
from hailuo_nb.session import session as session_module
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.session import Session


def git(folder: Path, *words: str) -> str:
    """Run git, with nobody's settings."""
    told = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(folder)}
    told |= {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Let no service be reached and no simulator be started; gives what was tried, which is to be nothing."""
    tried: list[Any] = []

    def refuse(name: str) -> Any:
        def tell(*args: object) -> None:
            tried.append((name, args))
            raise OSError("no network")

        return tell

    monkeypatch.setattr("socket.socket.connect", refuse("connect"))
    monkeypatch.setattr("socket.getaddrinfo", refuse("look up"))
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", refuse("simulator"))
    yield tried
    assert tried == []


def cell(session: Session, prompt: str = PROMPT, **options: Any) -> Batch:
    """Run the cell that made the studio's clips."""
    made = session.generate(prompt, "t2v-standard", name="fox", wait=False, **options)
    assert isinstance(made, Batch)
    return made


def test_a_clone_shows_the_same_clips_without_key_network_or_service(
    studio: Path, tmp_path: Path, offline: list[Any]
) -> None:
    """Committed while a kernel has the ledger open, cloned into another folder, with ``--offline`` and without it."""
    home = copied(studio, tmp_path / "home" / "repo")
    as_real(home)
    with opened(home) as at_home:
        # A write of this kernel that is still in the write-ahead log is brought into the file at the next rest.
        first = at_home.ledger.rows()[0]
        at_home.ledger.rate(first.id, note="written just now")
        cloned.keep_out_of_git(home / "hailuo")
        at_home.call(settled(at_home))
        git(home, "init", "-q")
        git(home, "add", ".")
        assert "wal" not in git(home, "status", "--short")
        assert "locks" not in git(home, "status", "--short")
        git(home, "commit", "-qm", "clips")
    clone = tmp_path / "far" / "away"
    (tmp_path / "far").mkdir()
    git(tmp_path, "clone", "-q", str(home), str(clone))
    shutil.rmtree(home)
    with opened(clone) as session:
        assert session.key() is None
        assert session.resume() == []
        for options in ({"offline": True}, {}):
            batch = cell(session, **options)
            assert batch.wait(20)
            assert [(job.service, job.cached, job.status) for job in batch] == [
                ("wavespeed", True, "completed")
            ] * 2
            assert batch.notes == ()
            for job in batch:
                assert job.result(10).is_relative_to(clone)
                assert sha256_of(job.result(10)) == job.row.sha256
        assert session.ledger.row(first.id).note == "written just now"
        assert session.history().attrs["total_usd"] == pytest.approx(0.56)


async def settled(session: Session) -> None:
    """Wait until the ledger's rest is over and nothing is left in its log."""
    import asyncio

    wal = session.ledger.path.with_name("ledger.db-wal")
    for _ in range(200):
        if not session._is_tidying and not (wal.exists() and wal.stat().st_size):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the ledger was never made whole")


def test_what_is_missing_is_named_with_its_price_and_nothing_is_sent(
    studio: Path, tmp_path: Path, offline: list[Any]
) -> None:
    """A cell that was never made, and a row whose file was not committed; with ``--offline`` and without a key."""
    as_real(copied(studio, tmp_path))
    with opened(tmp_path) as session:
        more = PROMPT.replace("night", "night|at noon")
        with pytest.raises(
            errors.NotOnDisk, match=r"1 clip of this cell is not on disk.* to make it for \$0.28"
        ):
            cell(session, more, offline=True)
        with pytest.raises(
            errors.KeyMissing, match=r"no key to make it for \$0.28: t2v-standard 'A fox .* at noon'. Nothing"
        ):
            cell(session, more)
        gone, kept = session.ledger.rows()
        (tmp_path / str(gone.path)).unlink()
        for options in ({"offline": True}, {}):
            batch = cell(session, **options)
            (note,) = batch.notes
            assert note == (
                f"1 clip has no file here: {Path(str(gone.path)).name}. Nothing was sent; a new take of it would "
                "cost $0.28."
            )
            assert batch.wait(20)
            assert [job.exception(5) is None for job in batch] == [False, True]
            assert batch[1].id == kept.id
        (tmp_path / str(gone.path)).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        (note,) = cell(session, offline=True).notes
        assert note.endswith("only what Git LFS puts in its place: git lfs pull brings it.")
        assert len(session.ledger.rows()) == 2


def test_simulated_clips_are_shown_offline_also_where_there_is_a_key(
    studio: Path, tmp_path: Path, offline: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--offline`` is about what is on disk; without it, the cell of somebody with a key means real clips."""
    monkeypatch.setenv("WAVESPEED_API_KEY", "a-key-that-is-never-sent")
    copied(studio, tmp_path)
    with opened(tmp_path) as session:
        batch = cell(session, offline=True)
        assert [(job.service, job.cached) for job in batch] == [("simulator", True)] * 2
        with pytest.raises(errors.BudgetExceeded):
            cell(session, max_cost=0)


def test_the_leftovers_of_another_machine_make_no_trouble(
    studio: Path, tmp_path: Path, offline: list[Any]
) -> None:
    """Locks, kernels, planned and half-sent rows, key fingerprints and another salt: nothing is sent or joined."""
    as_real(copied(studio, tmp_path))
    locks = tmp_path / "hailuo" / "locks"
    locks.mkdir()
    for name in ("kfar", "_opening"):
        (locks / f"{name}.lock").write_text("")
    with opened(tmp_path) as session:
        new = [
            NewClip("wavespeed", f"{n}" * 64, "t2v-pro", "minimax/hailuo-2.3/t2v-pro", f"clip {n}")
            for n in range(3)
        ]
        session.ledger.reserve(NewBatch(), new)
    with closing(sqlite3.connect(tmp_path / "hailuo" / "ledger.db")) as file:
        file.execute("UPDATE clips SET owner = 'kfar', fence = 3 WHERE prompt LIKE 'clip%'")
        file.execute(
            "UPDATE clips SET status = 'submitting', key_fingerprint = 'theirs' WHERE prompt = 'clip 1'"
        )
        file.execute(
            "UPDATE clips SET status = 'submitted', prediction_id = 'theirs', key_fingerprint = 'theirs'"
            " WHERE prompt = 'clip 2'"
        )
        file.execute("INSERT INTO kernels VALUES ('kfar', 9999999999999, 1)")
        file.commit()
    with opened(tmp_path) as session:
        assert {row.prompt: row.owner for row in session.ledger.rows()}["clip 0"] is None
        assert len(session.resume()) == 2
        batch = cell(session)
        assert batch.wait(20)
        assert [job.cached for job in batch] == [True, True]
        statuses = {row.prompt: row.status for row in session.ledger.rows()}
        assert statuses["clip 0"] == "planned"
        assert statuses["clip 1"] in {"submitting", "unconfirmed"}
        assert statuses["clip 2"] == "submitted"


def test_a_ledger_that_cannot_be_written_is_shown_and_nothing_is_sent(
    studio: Path, tmp_path: Path, offline: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and its folder stay as they are; votes and clips that would not last are refused."""
    folder = copied(studio, tmp_path)
    monkeypatch.setattr(session_module.cloned, "can_write", lambda _: False)
    before = {path: path.stat().st_mtime_ns for path in (folder / "hailuo").rglob("*")}
    with opened(folder, service="simulator") as session:
        batch = cell(session, offline=True)
        assert batch.wait(20)
        assert [job.cached for job in batch] == [True, True]
        assert session.history()["rating"].notna().sum() == 1
        copy = session.ledger.path
        with pytest.raises(
            errors.LedgerError, match=r"1 clip is not here \(t2v-standard 'other', \$0.28\), and nothing was"
        ):
            cell(session, "other")
        for change in (lambda: batch[0].rate(5), lambda: session.ledger.open_ballot(1, {})):
            with pytest.raises(errors.LedgerError, match="cannot be written, so it is only shown"):
                change()
        assert session.resume() == []
    assert not copy.parent.exists()
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "hailuo").rglob("*")}


READ_ONLY = """
import os, sys
from pathlib import Path
from hailuo_nb.session.session import Session
from hailuo_nb.session.cloned import can_write

def shown(folder):
    session = Session(folder)
    session.is_headless = lambda: True
    batch = session.generate(sys.argv[3], "t2v-standard", name="fox", offline=True, wait=True)
    found = can_write(folder / "hailuo" / "ledger.db"), [job.status for job in batch], session.ledger.is_copy
    session.close()
    return found

# Everything is imported by now, so that nothing is read from where only root may.
print(shown(Path(sys.argv[1])))
if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
print(shown(Path(sys.argv[2])))
"""


def test_a_folder_of_somebody_else_is_shown(studio: Path, tmp_path: Path) -> None:
    """A real process without the right to write there; one that is root's gives its rights away first."""
    mine, theirs = copied(studio, tmp_path / "mine"), copied(studio, tmp_path / "theirs")
    for path in [theirs, *theirs.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    modes = {path: path.stat().st_mode for path in [tmp_path, *tmp_path.parents][:-2]}
    try:
        for path, mode in modes.items():
            path.chmod(mode | 0o055)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(mine), str(theirs), PROMPT],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": "/nonexistent"},
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
        for path in [theirs, *theirs.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    told = done.stdout.splitlines()
    assert told == [f"({can}, ['completed', 'completed'], {not can})" for can in (True, False)], done.stderr
