"""Names and files of clips: safe on every system, whole, durable, never written over."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs_world import World

from hailuo_nb.jobs import files

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@given(st.text(max_size=300))
def test_a_slug_is_a_plain_file_name(text: str) -> None:
    """Whatever the prompt, the name has plain letters, digits and hyphens only."""
    assert NAME.fullmatch(files.slug(text))


@pytest.mark.parametrize(
    "name", ["con", "PRN", "aux", "NUL", "com1", "LPT9", "", "///", "..", "\u202e", "狐狸"]
)
def test_names_that_mean_something_to_a_system_are_avoided(name: str) -> None:
    """Device names, dots and nothing at all become ordinary names."""
    made = files.slug(name)
    assert made.startswith("clip")
    assert not files.DEVICE_NAMES.match(made)


def test_a_huge_prompt_makes_a_short_name() -> None:
    """Ten megabytes of prompt cost nothing and change nothing."""
    assert files.slug("a fox crosses a river " * 500_000) == "a-fox-crosses-a"


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        ("hailuo/clips/fox.mp4", True),
        ("../fox.mp4", False),
        ("hailuo/../../fox.mp4", False),
        ("/etc/passwd", False),
        ("C:/Windows/fox.mp4", False),
        ("C:fox.mp4", False),
        ("hailuo\\..\\fox.mp4", False),
        ("a\0b", False),
        ("", False),
        (None, False),
    ],
)
def test_stored_paths_stay_inside(stored: str | None, kept: bool) -> None:
    """A path out of a ledger is used only if it stays below the notebook's folder."""
    assert files.inside(stored) == (stored if kept else None)


def test_there_is_always_one_more_name(world: World) -> None:
    """Names for one clip do not end, and are all different."""
    (job,) = world.ask("a fox", held="no")
    names = list(itertools.islice(files.names_for(job.row), 20))
    assert len(set(names)) == 20
    assert re.fullmatch(r"a-fox-[0-9a-f]{8}-t1\.mp4", names[0])


@pytest.fixture(params=[True, False], ids=["links", "no links"])
def _links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:

        def refused(*_: object) -> None:
            raise PermissionError(1, "no hard links here")

        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("_links")
def test_a_file_gets_its_name_once(tmp_path: Path) -> None:
    """A free name is taken, a taken one is left alone, with and without hard links."""
    part, final = tmp_path / "a.part", tmp_path / "a.mp4"
    part.write_bytes(b"one")
    files.put_in_place(part, final)
    assert (final.read_bytes(), part.exists()) == (b"one", False)
    part.write_bytes(b"two")
    with pytest.raises(FileExistsError):
        files.put_in_place(part, final)
    assert (final.read_bytes(), part.read_bytes()) == (b"one", b"two")


@pytest.mark.usefixtures("_links")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link where the clip would go counts as taken, also one that leads nowhere."""
    outside = tmp_path / "outside"
    part, final = tmp_path / "a.part", tmp_path / "a.mp4"
    final.symlink_to(outside)
    part.write_bytes(b"clip")
    assert not files.is_free(final, "p1")
    with pytest.raises(FileExistsError):
        files.put_in_place(part, final)
    assert not outside.exists()


def test_a_recipe_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A stranger's link in place of the unfinished file is replaced, not followed."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "a.json.part").symlink_to(outside)
    files.write_text(tmp_path / "a.json", "{}")
    assert outside.read_text() == "mine"
    assert (tmp_path / "a.json").read_text() == "{}"
    assert not (tmp_path / "a.json").is_symlink()


def test_a_recipe_of_another_clip_keeps_its_name(tmp_path: Path) -> None:
    """Where a clip's file was deleted and its recipe was not, only that clip may have the name again."""
    (tmp_path / "a.json").write_text('{"prediction_id": "p1"}')
    assert files.is_free(tmp_path / "a.mp4", "p1")
    assert not files.is_free(tmp_path / "a.mp4", "p2")
    (tmp_path / "a.json").write_text("no JSON at all")
    assert not files.is_free(tmp_path / "a.mp4", "p1")


def test_a_clips_folder_that_vanished_is_made_again(world: World) -> None:
    """Somebody deletes the folder while clips are out: they come all the same."""
    jobs = world.ask("a fox", "an owl")
    world.finish(*jobs)
    for file in (world.folder / "hailuo" / "clips").iterdir():
        file.unlink()
    (world.folder / "hailuo" / "clips").rmdir()
    (job,) = world.ask("a hare")
    world.finish(job)
    assert job.result().is_file()


def test_a_folder_that_cannot_be_written_is_one_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only for a while: the card says so without the machine's own paths, and the clip comes then."""
    plain: Callable[..., None] = Path.mkdir
    refusals = iter(range(3))

    def refused(self: Path, *args: object, **options: object) -> None:
        if self.name == "clips" and next(refusals, None) is not None:
            raise PermissionError(13, "Permission denied", str(self))
        plain(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", refused)
    (job,) = world.ask("a fox")
    world.until(lambda: world.row(job).error is not None)
    said = str(world.row(job).error)
    assert said == "The clip is ready and cannot be saved yet: Permission denied. It is tried again."
    world.finish(job)
    assert job.status == "completed"
