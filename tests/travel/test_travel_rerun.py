"""A clip again from its file: as downloaded, stripped of its recipe, in another container, or encoded anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from travel_world import copied, opened

from hailuo_nb import errors
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.media import likeness, recipe
from hailuo_nb.session import rerunning
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.session import Session

NOTHING = Terms(max_cost=Decimal(0), is_headless=True)
OFFLINE = Terms(offline=True, is_headless=True)


@pytest.fixture(scope="module")
def session(studio: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Give a session on a copy of the studio, in which nothing is ever made."""
    with opened(copied(studio, tmp_path_factory.mktemp("rerun"))) as made:
        yield made
        assert {row.status for row in made.ledger.rows()} == {"completed"}
        assert len(made.ledger.rows()) == 2


@pytest.fixture(scope="module")
def row(session: Session) -> ClipRow:
    """Give the second clip."""
    return session.ledger.rows()[1]


def written(source: Path, target: Path, *, size: tuple[int, int] | None = None, comment: str = "") -> Path:
    """Write a clip as a site does: its packets as they are, or encoded anew in another size."""
    import av

    with av.open(str(source)) as had, av.open(str(target), "w") as out:
        stream = had.streams.video[0]
        out.metadata.update({"comment": comment})
        if size is None:
            copy = out.add_stream_from_template(stream)
            for packet in had.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)
            return target
        anew = out.add_stream("libx264", rate=stream.average_rate)
        anew.width, anew.height, anew.pix_fmt = *size, "yuv420p"
        anew.options = {"preset": "ultrafast", "crf": "30"}
        for frame in had.decode(stream):
            out.mux(anew.encode(frame.reformat(*size)))
        out.mux(anew.encode(None))
    return target


def test_a_clip_with_its_recipe_is_shown_for_nothing(session: Session, row: ClipRow, tmp_path: Path) -> None:
    """Wherever the file lies and whatever it is called; its JSON alone does too, and its id and its name."""
    moved = tmp_path / "downloads (1).mp4"
    shutil.copy(session.folder / str(row.path), moved)
    beside = (session.folder / str(row.path)).with_suffix(".json")
    shutil.copy(beside, tmp_path / "recipe.json")
    for what in (moved, str(moved), tmp_path / "recipe.json", row.id, session.job(row.id)):
        batch = rerunning.rerun(session, what, NOTHING)
        assert ([job.id for job in batch], batch[0].cached, batch.notes) == ([row.id], True, ())
    bare = written(moved, tmp_path / "bare.mp4")
    shutil.copy(beside, tmp_path / "bare.json")
    assert [job.id for job in rerunning.rerun(session, bare, OFFLINE)] == [row.id]


def test_a_stripped_clip_is_found_by_its_pictures(session: Session, row: ClipRow, tmp_path: Path) -> None:
    """By the very packets in whatever container, and by the file itself where the ledger knows it."""
    for name in ("remuxed.mp4", "remuxed.mkv"):
        bare = written(session.folder / str(row.path), tmp_path / name)
        assert recipe.read(bare) is None
        batch = rerunning.rerun(session, bare, NOTHING)
        assert [job.id for job in batch] == [row.id]
        assert batch.notes == (f"{name} has lost its recipe; it holds the very pictures of clip {row.id}.",)
    told = rerunning.read_recipe(session, bare)
    assert told is not None
    assert (told["prompt"], told["inputs"], told["take"]) == (row.prompt, row.inputs, 1)
    assert "very pictures" in told["found_by"]


def test_a_clip_encoded_anew_is_recognised_and_says_how_sure_that_is(
    session: Session, row: ClipRow, tmp_path: Path
) -> None:
    """Smaller and coarser, its picture is still alike; it is shown, and nothing could be sent for it."""
    anew = written(session.folder / str(row.path), tmp_path / "anew.mp4", size=(640, 360))
    batch = rerunning.rerun(session, anew, Terms(yes=True, is_headless=True))
    assert [job.id for job in batch] == [row.id]
    (note,) = batch.notes
    assert note.startswith(
        f"Recognised, not read: the pictures of anew.mp4 are those of clip {row.id} to 99."
    )
    assert "; the next, " in note
    assert note.endswith("Nothing was sent.")
    others = [session.folder / str(each.path) for each in session.ledger.rows()]
    ranked = likeness.alike(anew, others)
    assert [number for number, _ in ranked] == [1, 0]
    assert ranked[0][1] > rerunning.SURELY_ALIKE > ranked[1][1]


def test_what_is_only_alike_is_not_taken_for_the_clip(
    session: Session, row: ClipRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A likeness too small, or two that are alike, is told with its figures and the command that would show it."""
    anew = written(session.folder / str(row.path), tmp_path / "anew.mp4", size=(320, 180))
    ranked: list[tuple[int, float]] = []
    real = session.work

    def work(operation: str, **arguments: Any) -> dict[str, Any]:
        return {"alike": ranked} if operation == "alike" else real(operation, **arguments)

    monkeypatch.setattr(session, "work", work)
    for found in ([(0, 0.95), (1, 0.4)], [(0, 0.996), (1, 0.995)]):  # the newest clip is the first
        ranked[:] = found
        with pytest.raises(
            errors.InvalidRequest, match=f"too little to go by: .*%hailuo rerun {row.id} shows it"
        ):
            rerunning.rerun(session, anew, NOTHING)
        assert rerunning.read_recipe(session, anew) is None
    ranked[:] = [(1, 0.5)]
    with pytest.raises(errors.InvalidRequest, match="holds no recipe, has none beside it, and is no clip"):
        rerunning.rerun(session, anew, NOTHING)


def test_what_cannot_be_made_again_says_why(session: Session, tmp_path: Path) -> None:
    """No file, no recipe, a film, several clips, a broken recipe."""
    (tmp_path / "page.mp4").write_bytes(b"<!doctype html>")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "evil.json").write_text(
        json.dumps({"inputs": {}, "prompt": "a\x1b[2J", "request_hash": "0" * 64})
    )
    for what, words in (
        ("no.mp4", "There is no clip no.mp4"),
        (tmp_path / "page.mp4", "is a web page"),
        (tmp_path / "list.json", "is no recipe"),
        (tmp_path / "evil.json", "cannot be followed"),
        ("fox", "That is 2 clips"),
        (7, "not a int"),
    ):
        with pytest.raises(errors.InvalidRequest, match=words) as caught:
            rerunning.rerun(session, what, NOTHING)
        assert "\n" not in str(caught.value)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Session]:
    """Give a session in a folder that has never seen a clip."""
    (tmp_path / "elsewhere").mkdir()
    with opened(tmp_path / "elsewhere") as made:
        yield made


def test_elsewhere_it_is_a_new_clip_under_all_limits(
    elsewhere: Session, session: Session, row: ClipRow, tmp_path: Path
) -> None:
    """The same request, weighed as a cell's would be; made once, and shown after that."""
    file = session.folder / str(row.path)
    with pytest.raises(errors.BudgetExceeded, match=r"\$0.28 is over this cell's limit"):
        rerunning.rerun(elsewhere, file, NOTHING)
    with pytest.raises(errors.NotOnDisk, match=r"to make it for \$0.28"):
        rerunning.rerun(elsewhere, file, OFFLINE)
    elsewhere.configured = lambda: {"budget_usd": "0.10"}
    with pytest.raises(errors.BudgetExceeded, match="budget"):
        rerunning.rerun(elsewhere, file, Terms(yes=True, is_headless=True))
    assert elsewhere.ledger.rows() == []
    elsewhere.configured = lambda: {"simulator_speed": 500}
    batch = rerunning.rerun(elsewhere, file, Terms(is_headless=True))
    assert batch.wait(60)
    made = batch[0]
    assert (made.status, made.row.request_hash, made.take, made.name) == (
        "completed",
        row.request_hash,
        1,
        "fox",
    )
    again = rerunning.rerun(elsewhere, file, NOTHING)
    assert [job.id for job in again] == [made.id]
    assert len(elsewhere.ledger.rows()) == 1


def recipe_with(tmp_path: Path, row: ClipRow, image: dict[str, Any]) -> Path:
    """Write the recipe of a clip that starts from a picture."""
    inputs = {"prompt": "it runs", "image": image, "enable_prompt_expansion": True, "duration": 6}
    told = {"service": "wavespeed", "variant": "i2v-standard", "model": "minimax/hailuo-2.3/i2v-standard"}
    told |= {
        "prompt": "it runs",
        "take": 2,
        "axes": {},
        "inputs": inputs,
        "request_hash": "0" * 64,
        "name": None,
    }
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(told), "utf-8")
    return path


def test_a_picture_that_is_not_here_is_named_with_what_to_do(
    elsewhere: Session, row: ClipRow, tmp_path: Path
) -> None:
    """By name and hash; beside the notebook under any name it is found again; a signed address cannot be."""
    import hashlib
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), "orange").save(buffer, "PNG")
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    file = recipe_with(tmp_path, row, {"image": "photo.png", "sha256": digest, "fit": None})
    with pytest.raises(
        errors.InvalidRequest, match=rf"photo\.png \(SHA-256 {digest[:12]}…\), which is not here: put it"
    ):
        rerunning.rerun(elsewhere, file, OFFLINE)
    (tmp_path / "elsewhere" / "other name.png").write_bytes(data)
    with pytest.raises(errors.NotOnDisk, match="i2v-standard 'it runs'"):
        rerunning.rerun(elsewhere, file, OFFLINE)
    with pytest.raises(errors.NotOnDisk):
        rerunning.rerun(
            elsewhere,
            recipe_with(tmp_path, row, {"image": "x", "sha256": "1" * 64}),
            OFFLINE,
            image="other name.png",
        )
    for image, words in (
        ({"image": "drawing", "pixels": "2" * 64}, "drawing, which is not here: put it beside"),
        (
            {"image": "https://a.example/a.png", "url": "https://a.example/a.png", "url_sha256": "3" * 64},
            "signatures are not kept",
        ),
        (
            {"image": "fox.mp4, last frame", "clip": f"simulator:{'4' * 64}:t1:a1", "at": "last"},
            "a frame of a clip that is not in this ledger",
        ),
    ):
        with pytest.raises(errors.InvalidRequest, match=words):
            rerunning.rerun(elsewhere, recipe_with(tmp_path, row, image), OFFLINE)
        with pytest.raises(errors.NotOnDisk):
            rerunning.rerun(elsewhere, recipe_with(tmp_path, row, image), OFFLINE, image="other name.png")
    assert not (tmp_path / "elsewhere" / "hailuo").exists()
