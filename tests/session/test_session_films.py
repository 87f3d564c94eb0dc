"""Films of clips: where they go, what they never write over, and how they show themselves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from session_fakes import QuickSession

from hailuo_nb.errors import ClipInvalid, InvalidRequest
from hailuo_nb.media import recipe
from hailuo_nb.session.films import join


def clip(path: Path, level: int = 60, frames: int = 12) -> Path:
    """Write a small real clip."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(frames):
            pixels = np.full((90, 160, 3), level + 4 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """Give two clips in the notebook's folder."""
    return [clip(tmp_path / "a.mp4").name, clip(tmp_path / "b.mp4", 120).name]


def test_a_film_lies_in_the_notebooks_folder_and_can_be_used_as_a_path(
    session: QuickSession, parts: list[str], tmp_path: Path
) -> None:
    """Folders on the way are made; nothing else is left behind."""
    film = join(session, parts, "films/fox.mp4")
    assert film.path == tmp_path / "films" / "fox.mp4"
    assert os.fspath(film) == str(film.path)
    assert (film.frames, film.parts, film.duration_s, film.note) == (24, 2, 1.0, "")
    assert str(film) == "films/fox.mp4 · 2 clips · 1 s · 160 x 90"
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["fox.mp4"]


def test_a_film_joined_again_is_the_same_and_of_other_parts_a_new_one(
    session: QuickSession, parts: list[str], tmp_path: Path
) -> None:
    """What was joined here may be written anew; for the same parts nothing is done."""
    film = join(session, parts, "fox.mp4")
    before = film.path.stat().st_mtime_ns
    assert join(session, parts, "fox.mp4") == film
    assert film.path.stat().st_mtime_ns == before
    assert join(session, parts[::-1], "fox.mp4").path.stat().st_mtime_ns > before


def test_what_was_not_joined_here_is_never_written_over(
    session: QuickSession, parts: list[str], tmp_path: Path
) -> None:
    """A paid clip, somebody's video, a text, a folder, a link to nowhere: all stay."""
    recipe.write(clip(tmp_path / "paid.mp4"), {"made_by": "hailuo_nb", "clip": "x"})
    (tmp_path / "text.mp4").write_text("precious")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "nowhere")
    for name in ("paid.mp4", "a.mp4", "text.mp4", "folder.mp4", "link.mp4"):
        with pytest.raises(InvalidRequest, match="is there already and is no film that was joined here"):
            join(session, parts, name)
    assert (tmp_path / "text.mp4").read_text() == "precious"


@pytest.mark.parametrize("path", ["../film.mp4", "/tmp/film.mp4", "out/film.mp4"])
def test_outside_the_folder_only_where_that_is_meant(
    session: QuickSession,
    parts: list[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    path: str,
) -> None:
    """Upwards, absolute, through a link: refused by default."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tmp_path / "out").symlink_to(elsewhere)
    with pytest.raises(InvalidRequest, match="outside the notebook's folder"):
        join(session, parts, path)
    film = join(session, parts, elsewhere / "film.mp4", outside=True)
    assert film.path.is_file()
    assert "<video" not in film._repr_html_()


@pytest.mark.parametrize("path", ["film", "film.mov", "", "a\0.mp4", ".mp4"])
def test_a_film_is_an_mp4(session: QuickSession, parts: list[str], path: str) -> None:
    """Nothing else is written."""
    with pytest.raises(InvalidRequest, match=r"an \.mp4 file"):
        join(session, parts, path)


def test_what_is_no_clip_is_refused(session: QuickSession, parts: list[str], tmp_path: Path) -> None:
    """By name, and no part of a film is left."""
    for clips in ([], 5, [5], ["no.mp4"]):
        with pytest.raises(InvalidRequest):
            join(session, clips, "film.mp4")
    (tmp_path / "page.mp4").write_text("<html>")
    with pytest.raises(ClipInvalid, match=r"page\.mp4"):
        join(session, [*parts, "page.mp4"], "film.mp4")
    assert not list(tmp_path.glob("film*"))


def test_a_film_shows_itself_as_text_that_stays_text(
    session: QuickSession, parts: list[str], tmp_path: Path
) -> None:
    """Its name becomes no markup; the player needs no kernel and loads nothing before it is asked."""
    film = join(session, parts, "a <b>&'fox.mp4")
    shown = film._repr_html_()
    assert 'src="a%20%3Cb%3E%26%27fox.mp4"' in shown
    assert "a &lt;b&gt;&amp;&#x27;fox.mp4" in shown
    assert "<b>" not in shown
    assert 'preload="none"' in shown
    assert "data:image/jpeg;base64," in shown
