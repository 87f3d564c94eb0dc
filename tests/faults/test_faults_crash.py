"""Notebooks killed at every step of the walk, and a short seeded set of faults and deaths together.

The long set is one command, from the repository's root: ``python -m tests.faults --runs 300 --seed 1``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crash_harness import Harness, Kill, Plan
from fault_books import NEXT_STEP
from fault_plans import HELD, plan_of
from fault_proxy import FaultProxy, Rule
from kill_points import POINTS

# What a run is about; the numbers were chosen so that every call of the service is met by a fault.
SEED, NUMBERS = 20, range(8)


def cell(prompt: str, takes: int = 1, **more: object) -> dict[str, object]:
    """Give a cell of the cheapest variant."""
    return {"prompt": prompt, "variant": "t2v-standard", "takes": takes, **more}


@pytest.mark.parametrize("point", POINTS)
def test_a_kernel_killed_at_a_step_pays_nothing_twice_and_loses_nothing(harness: Harness, point: str) -> None:
    """SIGKILL before or after each durable step; the next start and a rerun bring every clip."""
    # It takes a second, or the first look might find it done already.
    slow = " [simulate: takes 200]" if "processing" in point else ""
    tag = f"step-{point.replace(':', '-')}"
    plan = Plan(tag, [cell(f"a fox dies at {point}{slow}", 2)], kills=[Kill(point=point)])
    result = harness.run(plan)
    assert result.violations == []
    assert result.deaths == [f"{point}#1"]


@pytest.mark.parametrize(
    ("call", "stage", "is_late"),
    [
        (call, stage, is_late)
        for call, stage in HELD
        for is_late in (False, True)
        if call == "submit" or (call != "recent" and not is_late)
    ],
)
def test_a_kernel_killed_in_an_exchange_pays_nothing_twice_and_loses_nothing(
    harness: Harness, call: str, stage: str, is_late: bool
) -> None:
    """SIGKILL while a request stands still on the wire; what was sent may arrive after the death."""
    tag = f"held-{call}-{stage}-{'late' if is_late else 'lost'}"
    kill = Kill(call=call, stage=stage, is_late=is_late)
    result = harness.run(Plan(tag, [cell(f"a fox {tag} [large]")], kills=[kill]))
    assert result.violations == []
    assert result.deaths == [str(kill)]


@pytest.mark.parametrize("number", NUMBERS)
def test_seeded_faults_and_deaths_leave_the_books_equal(harness: Harness, number: int) -> None:
    """Faults of the connection and deaths together; the first of these numbers are lived through by real kernels."""
    result = harness.run(plan_of(SEED, number, kernels=len(NUMBERS)))
    assert result.violations == []


def test_takes_that_all_go_unanswered_are_told_apart(harness: Harness) -> None:
    """Four takes at once, every answer lost: each row adopts a prediction of its own."""
    lost = Rule("reset", "submit", times=4, stage="forwarded")
    result = harness.run(Plan("four-lost", [cell("four foxes unanswered", 4)], [lost]))
    assert result.violations == []
    assert result.statuses == {"completed": 4}


def test_some_answered_some_lost_are_never_crossed(harness: Harness) -> None:
    """Of four takes one is refused, one lost before it arrived, one lost after, one answered."""
    rules = [
        Rule("reset", "submit", nth=1, stage="forwarded"),
        Rule("reset", "submit", nth=1, stage="read"),
        Rule("retry_after", "submit", nth=1, forward=False),
    ]
    result = harness.run(Plan("some-lost", [cell("four foxes, some lost", 4)], rules))
    assert result.violations == []
    assert result.statuses == {"completed": 3, "unconfirmed": 1}


def test_what_a_dead_kernel_only_planned_says_how_it_is_sent(harness: Harness, tmp_path: Path) -> None:
    """Killed right after writing the rows: the next notebook sends none of them, and each card names the way."""
    (tmp_path / "notebook").mkdir()
    plan = Plan("planned", [cell("two foxes that were only planned", 2)])
    with FaultProxy(harness.service.base_url) as proxy:
        first = harness.start(plan, proxy.base_url, tmp_path, 0, Kill(point="reserve:after"))
        assert first.wait(20)
        nothing = Plan("planned", [])
        second = harness.start(nothing, proxy.base_url, tmp_path, 1, None, shows_all=True, wait_s=3.0)
        assert second.wait(20)
        assert proxy.seen == []
    report = json.loads((tmp_path / "report-1.json").read_text("utf-8"))
    assert [job["status"] for job in report["jobs"]] == ["planned", "planned"]
    assert [job["card"] for job in report["jobs"] if not NEXT_STEP.search(job["card"])] == []


def test_takes_of_a_picture_are_found_whatever_address_it_was_uploaded_to(harness: Harness) -> None:
    """Of two takes with a picture the first never arrives and the second's answer is lost: it is found all the same."""
    rules = [Rule("reset", "submit", nth=1, stage="read"), Rule("reset", "submit", nth=1, stage="forwarded")]
    image = str(Path(__file__).with_name("photo.png"))
    cells = [{"prompt": "two foxes from a picture", "variant": "i2v-standard", "takes": 2, "image": image}]
    result = harness.run(Plan("picture-lost", cells, rules))
    assert result.violations == []
    assert result.statuses == {"completed": 1, "unconfirmed": 1}
