"""Chains whose notebook is killed in the middle: run again they go on from there, and nothing is paid twice."""

from __future__ import annotations

import re

import pytest
from crash_harness import Harness, Kill, Plan
from fault_proxy import Rule


def story(tag: str) -> dict[str, object]:
    """Give a chain of three steps whose frames are large enough to start from."""
    steps = [f"{what} {tag} [wide]" for what in ("a fox wakes", "it runs", "it swims")]
    return {"steps": steps, "variant": ["t2v-standard", "i2v-standard"]}


KILLS = [
    Kill(point="reserve:before"),
    Kill(point="reserve:after"),
    Kill(point="post:after"),
    Kill(point="move-completed:before"),
    Kill(point="move-completed:after"),
    Kill(point="turn:after", nth=2),
    Kill(point="post:before", nth=2),
    Kill(point="post:after", nth=2),
    Kill(point="move-submitted:after", nth=2),
    Kill(point="finish:after", nth=2),
    Kill(point="name:after", nth=3),
    Kill(call="upload", stage="forwarded"),
    Kill(call="submit", stage="forwarded", nth=2, is_late=True),
]


# Killed between turn and answer: nobody knows whether the second step was sent, so the third waits for a person.
NOBODY_KNOWS = {"completed": 1, "unconfirmed": 1, "planned": 1}
ENDS = {"turn:after#2": NOBODY_KNOWS, "post:before#2": NOBODY_KNOWS}


@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_a_chain_killed_at_a_step_goes_on_from_there(harness: Harness, kill: Kill) -> None:
    """Whatever was under way: every step is paid once, and the chain is finished where that can be known."""
    tag = "chain-" + re.sub(r"[^a-z0-9]+", "-", str(kill))
    result = harness.run(Plan(tag, [story(tag)], kills=[kill]))
    assert result.violations == []
    assert result.deaths == [str(kill)]
    assert result.statuses == ENDS.get(str(kill), {"completed": 3})


def test_a_chain_killed_in_every_step_is_finished_by_the_fourth_notebook(harness: Harness) -> None:
    """Three deaths in three different steps."""
    kills = [Kill(point="post:after"), Kill(point="finish:after"), Kill(point="move-submitted:after")]
    result = harness.run(Plan("chain-thrice", [story("thrice")], kills=kills))
    assert result.violations == []
    assert result.deaths == [str(kill) for kill in kills]
    assert result.statuses == {"completed": 3}


def test_two_notebooks_run_the_same_chain_and_one_of_them_dies(harness: Harness) -> None:
    """The other takes its steps over; each is paid once."""
    plan = Plan(
        "chain-rivals", [story("rivals")], kills=[Kill(point="move-submitted:after", nth=1)], has_rival=True
    )
    assert harness.run(plan).violations == []


def test_a_step_whose_answer_is_lost_is_found_and_the_chain_goes_on(harness: Harness) -> None:
    """The second submit gets no answer: its prediction is adopted, and the third step starts from it."""
    lost = Rule("reset", "submit", nth=2, stage="forwarded")
    result = harness.run(Plan("chain-lost", [story("lost")], [lost]))
    assert result.violations == []
    assert result.statuses == {"completed": 3}
