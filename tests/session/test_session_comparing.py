"""Clips to be looked at are found by whatever holds them, and what is thought of them is written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from compared_clips import draw, write_ledger

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.session import comparing
from hailuo_nb.session.batch import Place
from hailuo_nb.session.comparing import FileClip
from hailuo_nb.session.session import Session


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Draw four clips once, with a ledger."""
    folder = tmp_path_factory.mktemp("compared")
    return folder, write_ledger(folder)


@pytest.fixture
def ids(made: tuple[Path, list[str]]) -> list[str]:
    """Give the ids of the clips."""
    return made[1]


@pytest.fixture
def here(made: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Session]:
    """Give a session in a copy of that folder."""
    shutil.copytree(made[0], tmp_path / "nb")
    session = Session(tmp_path / "nb", configured=lambda: {"service": "simulator"})
    yield session
    session.close()


def keys(clips: tuple[comparing.Found, ...]) -> list[str]:
    """Name the clips that were found."""
    return [each.job.id if isinstance(each, Place) else each.file for each in clips]


def test_ids_names_jobs_and_frames_name_the_same_clips(here: Session, ids: list[str]) -> None:
    """In the order given."""
    assert keys(comparing.found(here, ids[::-1])) == ids[::-1]
    assert keys(comparing.found(here, "fox")) == ids
    assert keys(comparing.found(here, [here.job(ids[1]), ids[0]])) == [ids[1], ids[0]]
    frame = here.history()
    noon = frame[frame["params.light"] == "noon"]
    assert keys(comparing.found(here, noon)) == list(noon["id"])
    assert sorted(noon["id"]) == sorted(ids[2:])
    assert keys(comparing.found(here, here.batch_of([here.job(each) for each in ids]))) == ids


def test_files_of_the_folder_need_no_ledger(tmp_path: Path) -> None:
    """They are measured, have a poster, and are told apart by their names; no ledger is made for it."""
    draw(tmp_path / "sub" / "a b.mp4", "waves")
    session = Session(tmp_path)
    try:
        (clip,) = comparing.found(session, Path("sub/a b.mp4"))
        assert isinstance(clip, FileClip)
        assert (clip.file, clip.axes) == ("sub/a b.mp4", {"file": "a b.mp4"})
        assert (clip.width, clip.height, clip.fps, clip.duration_s) == (480, 270, 12.0, 1.0)
        assert clip.poster.startswith(b"\xff\xd8")
        frame = pd.DataFrame({"path": ["sub/a b.mp4"], "model": ["mine"], "prompt": ["x"]})
        (row,) = comparing.found(session, frame)
        assert row.axes == {"model": "mine"}
        assert not (tmp_path / "hailuo").exists()
    finally:
        session.close()


def test_a_file_that_jupyter_cannot_play_is_refused_in_one_line(here: Session, tmp_path: Path) -> None:
    """Outside the folder, hidden, missing, or no video; no path of this machine is in the message."""
    draw(tmp_path / "outside.mp4", "waves")
    draw(here.folder / ".secret" / "a.mp4", "waves")
    (here.folder / "text.mp4").write_text("no video")
    for what, words in [
        ("../outside.mp4", "outside.mp4 is outside the notebook's folder, where Jupyter plays no clip"),
        (tmp_path / "outside.mp4", "is outside the notebook's folder"),
        (".secret/a.mp4", "a.mp4 is in a hidden folder"),
        ("nowhere.mp4", "There is no file nowhere.mp4 in the notebook's folder."),
    ]:
        with pytest.raises(InvalidRequest, match=words) as refused:
            comparing.found(here, what)
        assert str(tmp_path) not in str(refused.value)
    with pytest.raises(ClipInvalid, match=r"^text.mp4 is something else, not a video\.$"):
        comparing.found(here, "text.mp4")


@pytest.mark.parametrize(
    ("what", "words"),
    [([], "There is no clip in it"), (3, "A int holds no clips"), (pd.DataFrame({"a": [1]}), "says nowhere")],
)
def test_what_holds_no_clips_is_said(here: Session, what: object, words: str) -> None:
    """With what to give instead."""
    with pytest.raises(InvalidRequest, match=words):
        comparing.found(here, what)


def test_too_many_clips_are_refused(here: Session, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a page is filled with them."""
    monkeypatch.setattr(comparing, "MOST_CLIPS", 3)
    with pytest.raises(InvalidRequest, match="4 clips are too many to look at"):
        comparing.found(here, ids)
