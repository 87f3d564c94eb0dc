"""A draft made again in a better variant: what is taken over, what is said, what is paid."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image
from session_fakes import FakeService, QuickSession

from hailuo_nb import errors
from hailuo_nb.jobs.job import Job
from hailuo_nb.session import chains
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.promoting import promote

YES = Terms(yes=True)


def draft(
    session: QuickSession, prompt: str = "a fox", variant: str = "t2v-standard", **options: object
) -> Job:
    """Make one clip."""
    made = session.generate(prompt, variant, yes=True, wait=True, **options)[0]  # type: ignore[index]
    assert isinstance(made, Job)
    return made


def photo(folder: Path, colour: str = "orange") -> Path:
    """Write a picture beside the notebook."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), colour).save(buffer, "PNG")
    path = folder / "photo.png"
    path.write_bytes(buffer.getvalue())
    return path


def test_a_draft_is_made_again_with_the_same_words_and_says_what_it_costs_more(
    session: QuickSession, service: FakeService
) -> None:
    """Name, tags and prompt are the draft's; the length and what the variant lacks are told."""
    old = draft(session, "a {fox} \\{x", duration=10, expand=False, name="hero", tags="draft", raw=True)
    batch = promote(session, old, "t2v-pro", YES)
    assert batch.wait(10)
    new = batch[0]
    assert (new.prompt, new.variant, new.name, new.row.tags) == (old.prompt, "t2v-pro", "hero", ("draft",))
    assert new.inputs["enable_prompt_expansion"] is False
    assert batch.notes == (
        "t2v-pro for $0.49: $0.07 less than the draft in t2v-standard ($0.56).",
        "Not taken over: 10 s; t2v-pro makes 6 s.",
    )
    assert len(service.submits) == 2


def test_promoting_again_costs_nothing(session: QuickSession, service: FakeService) -> None:
    """It is the same clip as a cell with those words and that variant makes."""
    old = draft(session)
    first = old.promote("t2v-pro", yes=True)
    first.result(10)
    again = promote(session, old, "minimax/hailuo-2.3/t2v-pro", Terms(max_cost=Decimal(0)))
    assert again[0].id == first.id
    assert session.generate("a fox", "t2v-pro", max_cost=0)[0].id == first.id  # type: ignore[index]
    assert batch_text(again.notes) == "t2v-pro for $0.49: $0.21 more than the draft in t2v-standard ($0.28)."
    assert len(service.submits) == 2


def batch_text(notes: tuple[str, ...]) -> str:
    """Give the line about money."""
    return next(note for note in notes if "draft" in note)


@pytest.mark.parametrize("is_gone", [False, True])
def test_the_picture_is_taken_over_whatever_is_left_of_its_file(
    session: QuickSession, service: FakeService, tmp_path: Path, is_gone: bool
) -> None:
    """From the file while that is the same, else from where it was uploaded; it is the same picture either way."""
    path = photo(tmp_path)
    old = draft(session, "it runs", "fast", image=path)
    if is_gone:
        photo(tmp_path, "blue")
    new = old.promote("i2v-pro", yes=True)
    new.result(10)
    assert service.submits[1][1]["image"] == service.submits[0][1]["image"]
    assert service.asked.count("upload") == 1
    photo(tmp_path)
    assert session.generate("it runs", "i2v-pro", image=path, max_cost=0)[0].id == new.id  # type: ignore[index]


def test_a_picture_that_is_nowhere_any_more_is_refused_before_anything_is_written(
    session: QuickSession, service: FakeService, tmp_path: Path
) -> None:
    """Unless the better clip is there already."""
    path = photo(tmp_path)
    old = draft(session, "it runs", "fast", image=path)
    made = old.promote("i2v-pro", yes=True)
    made.result(10)
    path.unlink()
    session.ledger.forget(f"sent:{old.id}")
    with pytest.raises(errors.InvalidRequest, match=r"photo\.png of clip .* is not here any more"):
        old.promote("fast-pro", yes=True)
    assert old.promote("i2v-pro", offline=True).id == made.id
    assert len(session.ledger.rows()) == 2


def test_the_frame_of_a_clip_is_taken_over(session: QuickSession, service: FakeService) -> None:
    """A step of a chain made better starts from the same frame, which is uploaded once."""
    story = chains.chain(session, ["a fox wakes", "it runs"], yes=True)
    assert isinstance(story, Batch)
    story.wait(10)
    new = story[1].promote("i2v-pro", yes=True)
    new.result(10)
    assert new.inputs["image"] == story[1].inputs["image"]
    assert service.submits[2][1]["image"] == service.submits[1][1]["image"]
    assert service.asked.count("upload") == 1


def test_what_cannot_be_is_said(session: QuickSession) -> None:
    """The same variant, one that needs a picture, one that takes none."""
    old = draft(session)
    with pytest.raises(errors.InvalidRequest, match="is t2v-standard already"):
        old.promote("t2v-standard")
    with pytest.raises(errors.InvalidRequest, match="the image is missing"):
        old.promote("i2v-pro")
    with pytest.raises(errors.UnknownVariant):
        old.promote("t2v-prof")
    with pytest.raises(errors.InvalidRequest, match="promote takes yes, max_cost and offline, not takes"):
        old.promote("t2v-pro", takes=2)
    web = draft(session, "it runs", "fast", image="https://example.com/a.png", go_fast=True)
    batch = promote(session, web, "t2v-pro", YES)
    assert batch.notes[1:] == (
        "Not taken over: the picture https://example.com/a.png; t2v-pro takes none.",
        "Not taken over: go_fast true; t2v-pro has no such input.",
    )


def test_promoting_is_weighed_as_a_cell_is(session: QuickSession, service: FakeService) -> None:
    """Over a limit nothing is sent; over the confirmation limit it waits for a yes."""
    old = draft(session)
    with pytest.raises(errors.BudgetExceeded):
        old.promote("t2v-pro", max_cost="0.48")
    session.configured = lambda: {"tier": "silver", "confirm_above_usd": "0.10"}
    held = promote(session, old, "t2v-pro", Terms())
    assert len(held.held) == 1
    assert held.confirm(Decimal("0.49"))
    assert held.wait(10)
    assert len(service.submits) == 2
