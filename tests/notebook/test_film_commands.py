"""``%%hailuo chain``, ``%hailuo chain``, ``join`` and ``promote``, as a person types them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_shell import Shell, open_shell

from hailuo_nb import errors
from hailuo_nb.notebook.view import CardView, ClipView, arrange


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Give a shell with a fast simulator."""
    monkeypatch.setenv("HAILUO_SIMULATOR_SPEED", "300")
    with open_shell(tmp_path) as opened:
        yield opened


def test_a_story_is_told_joined_and_made_better(shell: Shell, tmp_path: Path) -> None:
    """As a cell, as a line and from Python it is the same chain; its film lies beside the notebook."""
    story = shell.run(
        "%%hailuo story << chain t2v-standard i2v-standard --wait\na {{'fox'}} wakes\n---\nit runs"
    )
    assert [(job.prompt, job.variant) for job in story] == [
        ("a fox wakes", "t2v-standard"),
        ("it runs", "i2v-standard"),
    ]
    assert story[1].inputs["image"]["at"] == "last"
    shell.run("steps = ['a fox wakes', ('it runs', 6)]")
    line = shell.run("%hailuo chain steps --max-cost 0 -o again")
    assert [job.id for job in line] == [job.id for job in story]
    assert shell.names["again"] is line
    film = shell.run("%hailuo join story film.mp4")
    assert (film.frames, film.path) == (144, tmp_path / "film.mp4")
    better = shell.run(f"%hailuo promote {story[0].id} --to t2v-pro --yes")
    assert better.notes == ("t2v-pro for $0.49: $0.21 more than the draft in t2v-standard ($0.28).",)
    assert better[0].result(60).is_file()


def test_a_dry_run_of_a_chain_writes_nothing(shell: Shell) -> None:
    """A row for each step; no ledger, no simulator."""
    table = shell.run('%hailuo chain "a fox wakes" "it runs" --variant t2v-pro,fast --dry-run')
    assert list(table["variant"]) == ["t2v-pro", "fast"]
    assert list(shell.run("%%hailuo chain t2v-pro --dry-run\na fox\n---\nit runs")["quote_usd"]) == [
        0.49,
        0.49,
    ]
    assert not shell.has_ledger()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%hailuo chain stepz", "stepz is not defined in this notebook"),
        (
            '%hailuo chain "a fox" --variant t2v-pro,fast,fast',
            "one variant for its first step and one for the others",
        ),
        ('%hailuo chain "a {fox|bear} runs"', "step 1: it makes several clips"),
        ("%%hailuo chain t2v-pro --takes 2\na fox\n---\nit runs", "step 1: it makes several clips"),
        ("%%hailuo chain t2v-pro fast i2v-pro\na fox\n---\nit runs", "one variant for its first step"),
        ("%hailuo chain", "needs STEP, a text in quotes"),
        ("%hailuo promote x", "--to VARIANT"),
        ("%hailuo join film.mp4", "needs FILE"),
        ("%hailuo join no.mp4 film.mp4", "There is no clip no.mp4"),
        ("%hailuo join no.mp4 ../film.mp4", "outside the notebook's folder"),
    ],
)
def test_a_mistake_is_one_line_and_costs_nothing(shell: Shell, code: str, words: str) -> None:
    """Before anything is written."""
    with pytest.raises(errors.InvalidRequest) as caught:
        shell.run(code)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not shell.has_ledger()


def test_steps_stand_in_their_order_whatever_makes_them() -> None:
    """A chain whose variants alternate is not grouped by them; each caption says its step."""
    clips = tuple(
        ClipView(str(number), axes={"variant": variant, "step": str(number + 1)}, prompt=str(number))
        for number, variant in enumerate(["t2v-pro", "i2v-pro", "t2v-pro", "i2v-pro"])
    )
    card = arrange(CardView("b", clips))
    assert card.groups == ()
    assert [clip.caption for clip in card.clips] == [
        "t2v-pro · step 1",
        "i2v-pro · step 2",
        "t2v-pro · step 3",
        "i2v-pro · step 4",
    ]
