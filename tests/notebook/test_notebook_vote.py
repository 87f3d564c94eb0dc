"""A vote in a cell: what the page is told, and what its answers do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from compared_clips import write_ledger

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.vote import NOBODY, Vote, VoteWidget
from hailuo_nb.session import judging
from hailuo_nb.session.session import Session

SHOWN = list[tuple[Mapping[str, Any], str, bool]]
THREE = tuple({"light": light} for light in ("dawn", "noon", "night"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw three clips once, with a ledger."""
    folder = tmp_path_factory.mktemp("voted")
    write_ledger(folder, THREE)
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Iterator[Session]:
    """Give a session in a copy of that folder."""
    shutil.copytree(made, tmp_path / "nb")
    session = Session(tmp_path / "nb", configured=lambda: {"service": "simulator"})
    yield session
    session.close()


@pytest.fixture
def vote(here: Session) -> Iterator[Callable[..., tuple[Vote, SHOWN, list[Any]]]]:
    """Give what opens a vote, with everything that it displays and sends."""
    opened: list[Vote] = []

    def show(*, allow_stdin: bool = True, votes: int = 3) -> tuple[Vote, SHOWN, list[Any]]:
        shown: SHOWN = []
        sent: list[Any] = []
        kernel = SimpleNamespace(get_parent=lambda _: {"content": {"allow_stdin": allow_stdin}})
        ballot = judging.ballot(here, "fox", across=True, votes=votes)
        made = Vote(
            here,
            SimpleNamespace(kernel=kernel, user_ns={}),
            ballot,
            then="%hailuo rank fox",
            publish=lambda *said: shown.append(said),
        )
        made._ipython_display_()
        if made.widget is not None:
            made.widget.send = lambda content, buffers=(): sent.append((content, buffers))
        opened.append(made)
        return made, shown, sent

    yield show
    for each in opened:
        each.close()


def say(made: Vote, answer: str) -> None:
    """Answer as the page does."""
    token = made.state()["tokens"][0]
    made._on_msg(None, {"type": "vote", "token": token, "answer": answer, "took_ms": 1200}, [])


def test_the_page_is_told_nothing_that_tells_the_clips_apart(vote: Any, here: Session) -> None:
    """Neither name, id, variant, price, path nor size: tokens, numbers and bytes."""
    made, shown, sent = vote()
    for token in made.state()["tokens"]:
        made._on_msg(None, {"type": "bytes", "key": token}, [])
    assert [len(buffers) for _, buffers in sent] == [1, 1]
    told = json.dumps([made.state(), shown, [content for content, _ in sent]], default=str)
    for row in here.ledger.rows():
        known = (
            row.id,
            row.variant,
            row.path,
            row.prompt,
            "hailuo/",
            "0.28",
            "fox",
            "noon",
            ".mp4",
            f"{row.width}",
        )
        for text in known:
            assert str(text) not in told
    assert set(made.state()) == {"id", "tokens", "left", "can_undo", "over"}


def test_answers_are_in_the_ledger_at_once_and_the_next_pair_follows(vote: Any, here: Session) -> None:
    """Until all are given; then the line that says what to run."""
    made, shown, sent = vote()
    for answer in ("left", "tie", "both_bad"):
        say(made, answer)
    assert [row.answer for row in here.ledger.votes()] == ["left", "tie", "both_bad"]
    assert [content["error"] for content, _ in sent] == ["", "", ""]
    assert made.widget is not None
    state = made.widget.vote
    assert (state["tokens"], state["left"]) == (None, 0)
    assert state["over"] == "All 3 votes are given. %hailuo rank fox shows the order."
    bundle, display_id, is_update = shown[-1]
    assert bundle["text/plain"] == "A vote: 3 votes given, 0 left. %hailuo rank fox shows the order."
    assert is_update
    assert display_id.endswith("-twin")


def test_a_vote_goes_on_where_it_stopped_and_takes_back(vote: Any, here: Session) -> None:
    """In another kernel too; what is taken back is asked again."""
    first, _, _ = vote()
    say(first, "left")
    again, _, _ = vote()
    assert (again.state()["left"], again.state()["can_undo"]) == (2, True)
    again._on_msg(None, {"type": "undo"}, [])
    assert (again.state()["left"], again.state()["can_undo"]) == (3, False)
    assert here.ledger.votes() == []


def test_late_and_wrong_answers_change_nothing(vote: Any, here: Session) -> None:
    """A click on a pair that is gone is refused in words, so that it never counts for the next one."""
    made, _, sent = vote()
    token = made.state()["tokens"][0]
    say(made, "left")
    made._on_msg(None, {"type": "vote", "token": token, "answer": "right"}, [])
    made._on_msg(None, {"type": "vote", "token": made.state()["tokens"][0], "answer": "sideways"}, [])
    made._on_msg(None, {"type": "vote"}, [])
    made._on_msg(None, {"type": "bytes", "key": token}, [])
    made._on_msg(None, 7, [])
    assert sent[1][0]["error"].startswith("Not written: That pair is not on show any more")
    assert sent[-1] == ({"type": "bytes", "key": token}, [])
    assert len(here.ledger.votes()) == 1


def test_headless_and_after_the_end_there_is_one_line(vote: Any) -> None:
    """No widget that a saved notebook could not show; headless the same line in every run."""
    made, shown, _ = vote(allow_stdin=False)
    assert made.widget is None
    assert [(bundle["text/plain"], id_) for bundle, id_, _ in shown] == [(NOBODY, "")]
    live, _, _ = vote(votes=1)
    say(live, "right")
    over, shown, _ = vote(votes=1)
    assert over.widget is None
    assert shown[0][0]["text/plain"] == "All 1 votes are given. %hailuo rank fox shows the order."


def test_clips_that_may_not_meet_are_said(here: Session) -> None:
    """Clips of different prompts meet only where that is asked."""
    with pytest.raises(InvalidRequest, match="No two of these clips"):
        judging.ballot(here, "fox")


def test_the_script_stays_small() -> None:
    """As for every widget."""
    assert len(str(VoteWidget._esm)) < 30_000
