"""Clips that leave one folder in a pack and come into another: what arrives, what it costs, what stays behind."""

from __future__ import annotations

import json
import shutil
import socket
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from travel_world import PROMPT, copied, money, opened

from hailuo_nb import errors
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import sha256_of
from hailuo_nb.session import packing, rerunning
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms


@pytest.fixture
def nobody_is_reached(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Refuse every connection, and every process that a simulator would be; gives what was tried."""
    tried: list[Any] = []

    def refuse(_self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", lambda _: tried.append("simulator"))
    yield tried
    assert tried == []


def test_a_pack_comes_whole_into_an_empty_folder_and_costs_nothing_there(
    pack: Path, studio: Path, tmp_path: Path, nobody_is_reached: list[Any]
) -> None:
    """Clips, recipes, stars, notes, tags and votes; marked, with their cost, in no total and no budget."""
    with opened(tmp_path, budget_usd="0.10") as session:
        batch = packing.import_pack(session, pack)
        assert batch.notes == ("2 clips and 3 votes taken in from foxes.zip; nothing was sent or paid.",)
        assert batch.wait(20)
        frame = session.history().set_index("id").sort_index()
        assert money(session) == (0.0, 0.0, Decimal(0))
        with opened(studio) as theirs:
            told = theirs.history().set_index("id").sort_index()
        for column in (
            "prompt",
            "cost_usd",
            "rating",
            "note",
            "tags",
            "wins",
            "losses",
            "ties",
            "sha256",
            "params.light",
        ):
            assert frame[column].equals(told[column]), column
        assert frame["imported_utc"].notna().all()
        for job in batch:
            path = job.result(10)
            assert sha256_of(path) == job.row.sha256
            assert recipe.beside(path)["prompt"] == job.prompt == recipe.read(path)["prompt"]  # type: ignore[index]
        # The same cell shows them for nothing, over the budget as it would be, and without a service.
        again = session.generate(PROMPT, "t2v-standard", max_cost=0, wait=True)
        assert isinstance(again, Batch)
        assert [job.cached for job in again] == [True, True]
        assert {job.id for job in again} == {job.id for job in batch}
        assert {row.rating for row in session.ledger.rows()} == {4, None}
        shown = rerunning.rerun(session, str(batch[1].path), Terms(max_cost=Decimal(0), is_headless=True))
        assert [job.id for job in shown] == [batch[1].id]


def test_importing_twice_is_importing_once(pack: Path, tmp_path: Path) -> None:
    """No further row, vote or file; what the user said meanwhile stays, and a lost file comes back."""
    with opened(tmp_path) as session:
        first = packing.import_pack(session, pack)
        session.ledger.rate(first[0].id, rating=1)
        lost = first[1].result(10)
        lost.unlink()
        before = sorted((tmp_path / "hailuo" / "clips").iterdir())
        again = packing.import_pack(session, pack)
        assert again.notes == ("2 clips of foxes.zip were here before.",)
        assert [job.id for job in again] == [job.id for job in first]
        assert session.ledger.row(first[0].id).rating == 1
        assert len(session.ledger.rows()) == 2
        assert len(session.ledger.votes()) == 3
        assert sorted((tmp_path / "hailuo" / "clips").iterdir()) == sorted([*before, lost])


def test_a_clip_of_ones_own_is_never_changed(pack: Path, studio: Path, tmp_path: Path) -> None:
    """Its row, its file and its cost stay; a version of somebody else stays out, and what only failed is followed."""
    copied(studio, tmp_path)
    with opened(tmp_path) as session:
        mine, failed = session.ledger.rows()
        session.ledger._database.close()
        # One clip of the same request and take, with other pictures; the other came to nothing.
        import sqlite3

        with sqlite3.connect(tmp_path / "hailuo" / "ledger.db") as file:
            file.execute("UPDATE clips SET sha256 = ? WHERE id = ?", ("0" * 64, mine.id))
            file.execute(
                "UPDATE clips SET status='failed', was_accepted=1, path=NULL, sha256=NULL WHERE id=?",
                (failed.id,),
            )
        file.close()
        (tmp_path / str(failed.path)).unlink()
        (tmp_path / str(failed.path)).with_suffix(".json").unlink()
        before = (tmp_path / str(mine.path)).read_bytes()
        batch = packing.import_pack(session, pack)
        assert batch.notes[1].startswith("1 clip of foxes.zip stays out (fox-")
        assert len(batch) == 1
        assert (batch[0].row.attempt, batch[0].status, failed.attempt) == (2, "completed", 1)
        assert session.ledger.row(failed.id).status == "failed"
        assert session.ledger.row(mine.id).sha256 == "0" * 64
        assert (tmp_path / str(mine.path)).read_bytes() == before
        # Votes between clips that did not both come stay out.
        assert len(session.ledger.votes()) == 3
        packing.import_pack(session, pack)
        assert len(session.ledger.rows()) == 3


def test_the_same_clips_make_the_same_bytes(pack: Path, studio: Path, tmp_path: Path) -> None:
    """Wherever and whenever they are packed; also those that were imported, in a ledger with another order."""
    with opened(studio) as session:
        packing.export(
            session,
            session.ledger.rows()[::-1] and [r.id for r in session.ledger.rows()][::-1],
            tmp_path / "b.zip",
        )
    assert (tmp_path / "b.zip").read_bytes() == pack.read_bytes()


def test_what_is_named_is_packed(studio: Path, tmp_path: Path) -> None:
    """By name, tag, id, job and batch; what cannot be packed is said, and nobody's file is written over."""
    copied(studio, tmp_path)
    with opened(tmp_path) as session:
        rows = session.ledger.rows()
        for what in ("fox", "first", [rows[0].id, rows[1].id], session.jobs_named("fox")):
            assert packing.export(session, what, "some.zip").clips == 2
        made = packing.export(session, rows[0].id[:6], "one.zip")
        assert repr(made) == "one.zip: 1 clip"
        with zipfile.ZipFile(tmp_path / "one.zip") as archive:
            assert json.loads(archive.read("hailuo-pack.json"))["ballots"] == []
        (tmp_path / str(rows[0].path)).unlink()
        made = packing.export(session, None, tmp_path / "some.zip")
        assert repr(made) == f"some.zip: 1 clip\nnot in it: {rows[0].id} has no file here"
        for name, words in (
            ("none.txt", "says not what to write"),
            ("mine.zip", "is there already and is no pack"),
        ):
            (tmp_path / "mine.zip").write_bytes(b"mine")
            with pytest.raises(errors.InvalidRequest, match=words):
                packing.export(session, None, name)
        with pytest.raises(errors.InvalidRequest, match="nothing to pack"):
            packing.export(session, rows[0].id, "nothing.zip")
        assert not list(tmp_path.glob("*.part"))
        assert not (tmp_path / "nothing.zip").exists()


def test_no_byte_of_a_pack_gives_anything_away(
    studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, home paths and signed addresses are planted wherever a ledger and a clip can hold text."""
    key = "wsk_live_5up3rS3cretKeyOfMine"
    home = "/home/anastasia"
    signed = "https://cdn.example/a.mp4?X-Amz-Signature=deadbeefcafe&X-Amz-Expires=60"
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("WAVESPEED_API_KEY", key)
    copied(studio, tmp_path)
    planted = f"see {home}/fox.mp4 {key} {signed}"
    with opened(tmp_path) as session:
        row, _ = session.ledger.rows()
        session.ledger.rate(row.id, note=planted, name=f"{key}", tags=(home,))
        import sqlite3

        with sqlite3.connect(tmp_path / "hailuo" / "ledger.db") as file:
            for column in ("prompt", "prompt_template", "image", "url", "error", "prediction_id", "variant"):
                file.execute(f"UPDATE clips SET {column} = ? WHERE id = ?", (planted, row.id))
            file.execute(
                "UPDATE clips SET inputs = ?, axes = ?",
                (json.dumps({"prompt": planted}), json.dumps({"a": planted})),
            )
            file.execute("UPDATE batches SET cell_text = ?, notebook = ?", (planted, f"{home}/x.ipynb"))
            file.execute("UPDATE votes SET voter = ?", (planted,))
        file.close()
        path = tmp_path / str(row.path)
        told = recipe.read(path)
        assert told is not None
        assert recipe.write(path, told | {"prompt": planted, "inputs": {"prompt": planted}})
        path.with_suffix(".json").write_text(json.dumps(told | {"prompt": planted}), "utf-8")
        made = packing.export(session, None, "pack.zip")
    assert made.clips == 2
    data = (tmp_path / "pack.zip").read_bytes()
    for secret in (key, home, "deadbeefcafe", str(tmp_path), "somebody-elses"):
        assert secret.encode() not in data, secret
    # It still is a pack, and its clips play.
    (tmp_path / "far").mkdir()
    with opened(tmp_path / "far", service="simulator") as session:
        assert len(packing.import_pack(session, tmp_path / "pack.zip")) == 2


def test_a_failure_in_the_middle_leaves_nothing(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row, no file, no folder; afterwards it works."""
    with opened(tmp_path) as session:
        real, calls = packing._placed, []

        def breaks(*args: Any) -> str:
            calls.append(1)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")
            return real(*args)

        monkeypatch.setattr(packing, "_placed", breaks)
        with pytest.raises(errors.LedgerError, match="No space left on device"):
            packing.import_pack(session, pack)
        assert session.ledger.rows() == []
        assert list((tmp_path / "hailuo" / "clips").iterdir()) == []
        monkeypatch.setattr(packing, "_placed", real)
        assert len(packing.import_pack(session, pack)) == 2


def test_a_file_that_a_killed_import_left_is_used_and_any_other_is_kept(pack: Path, tmp_path: Path) -> None:
    """The same content under the name is the clip; other content there has its name for itself."""
    with opened(tmp_path / "a") as session:
        (tmp_path / "a").mkdir(exist_ok=True)
        names = [Path(job.file).name for job in packing.import_pack(session, pack)]
    for folder in ("b",):
        clips = tmp_path / folder / "hailuo" / "clips"
        clips.mkdir(parents=True)
        shutil.copy(tmp_path / "a" / "hailuo" / "clips" / names[0], clips / names[0])
        (clips / names[1]).write_bytes(b"mine")
        with opened(tmp_path / folder) as session:
            batch = packing.import_pack(session, pack)
            assert Path(batch[0].file).name == names[0]
            assert Path(batch[1].file).name != names[1]
        assert (clips / names[1]).read_bytes() == b"mine"


def test_there_has_to_be_a_pack(tmp_path: Path) -> None:
    """A wrong name is one line, and makes nothing."""
    with opened(tmp_path) as session, pytest.raises(errors.InvalidRequest, match=r"There is no pack no\.zip"):
        packing.import_pack(session, "no.zip")
    assert list(tmp_path.iterdir()) == []
