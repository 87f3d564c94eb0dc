"""A story of three clips, made by the real simulator and joined: each cut is invisible, frame for frame."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.media import recipe
from hailuo_nb.media.clip import frame_png, probe
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.chains import chain
from hailuo_nb.session.films import join
from hailuo_nb.session.session import Session
from hailuo_nb.simulator.camera import FPS

# The camera moves in every step, so that a frame too early or too late is another picture.
STEPS = [
    "A fox wakes in the snow, [Truck right]",
    ("It trots to the river, [Truck right]", {"expand": False}),
    "It looks back, [Pull out]",
]
# What the simulator writes over a picture (its mark above, the words below) differs; the scene between does not.
SCENE = slice(100, 540)
# Measured: 41.8 and 42.1 dB at the joints, 32.2 and 35.9 dB one frame early.
LEAST_DB = 39.0


def frame(path: Path, at: float | None) -> Any:
    """Decode one frame."""
    return np.asarray(Image.open(io.BytesIO(frame_png(path, at))).convert("RGB")).astype(float)


def likeness_db(one: Any, other: Any) -> float:
    """Give the peak signal-to-noise ratio of two frames' scenes."""
    error = ((one[SCENE] - other[SCENE]) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Give a session with a simulator of its own, in a hurry."""
    made = Session(tmp_path_factory.mktemp("story"), configured=lambda: {"simulator_speed": 300})
    yield made
    made.close()


@pytest.fixture
def story(session: Session) -> Batch:
    """Give the three clips; made by whichever test is first."""
    began = time.monotonic()
    made = chain(session, STEPS, name="story", max_cost=1)
    assert isinstance(made, Batch)
    assert time.monotonic() - began < 5.0
    assert made.wait(150)
    assert [job.status for job in made] == ["completed"] * 3
    return made


def test_each_cut_is_invisible(story: Batch) -> None:
    """The last frame before a cut is the first one behind it; a frame too early or too late would be seen."""
    paths = [job.result() for job in story]
    for before, after in pairwise(paths):
        last, first = frame(before, None), frame(after, 0.0)
        assert likeness_db(last, first) > LEAST_DB
        one_early = frame(before, probe(before).duration_s - 1.5 / FPS)
        assert likeness_db(one_early, first) < LEAST_DB - 2
        assert likeness_db(last, frame(after, 1.0)) < LEAST_DB - 4


def test_the_film_shows_every_frame_of_every_clip_once(session: Session, story: Batch) -> None:
    """Frame counts add up, and at each joint both frames are those of the clips, pixel for pixel."""
    film = join(session, story, "story.mp4")
    paths = [job.result() for job in story]
    counts = [probe(path).frames for path in paths]
    assert (film.frames, film.duration_s) == (sum(counts), sum(counts) / FPS)
    assert (film.note, film.is_simulated) == ("", True)
    for number, path in enumerate(paths):
        start, end = sum(counts[:number]) / FPS, sum(counts[: number + 1]) / FPS
        assert (frame(film.path, start) == frame(path, 0.0)).all()
        assert (frame(film.path, end - 0.5 / FPS) == frame(path, None)).all()
    told = recipe.read(film.path)
    assert told is not None
    assert [part["recipe"]["prompt"] for part in told["parts"]] == [job.prompt for job in story]


def test_the_story_told_again_costs_nothing(session: Session, story: Batch) -> None:
    """The same clips; and a cell that names the file of one starts from the very same frame."""
    again = chain(session, STEPS, name="story", max_cost=0)
    assert isinstance(again, Batch)
    assert [job.path for job in again] == [job.path for job in story]
    assert (again.new_usd, [job.cached for job in again]) == (0, [True] * 3)
    by_file = session.generate(
        story[1].prompt, "i2v-standard", image=story[0].result(), expand=False, max_cost=0
    )
    assert by_file[0].id == story[1].id  # type: ignore[index]


def test_frames_are_exact_and_there_is_none_behind_the_end(story: Batch) -> None:
    """The one on screen at a time, the very last one, and a clear refusal."""
    path = story[0].result()
    assert story[0].frame(1.0).data == frame_png(path, 1.0)
    assert story[0].last_frame().data == frame_png(path)
    assert frame_png(path) == frame_png(path, probe(path).duration_s - 0.5 / FPS)
    for seconds in (6.5, -1.0, float("nan")):
        with pytest.raises(InvalidRequest, match="There is no frame at"):
            story[0].frame(seconds)
