"""What a person decides after trouble, through the magics: each decision is done once, and pays at most once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crash_harness import Harness, Kill, Plan, environment_of
from fault_books import Violation, Wish, after_a_kill, compare, ledger_rows
from fault_proxy import FaultProxy, Rule

CELL = "%%hailuo t2v-standard -y\n{prompt}\n"
LOST = Rule("reset", "submit", nth=1, stage="read")
UNANSWERED = Rule("reset", "submit", nth=1, stage="forwarded")


@dataclass
class Lived:
    """What came of a notebook."""

    report: dict[str, Any]
    rows: list[dict[str, Any]]
    posts: int
    violations: list[Violation]

    @property
    def statuses(self) -> list[str]:
        """The statuses of all rows, oldest first."""
        return [row["status"] for row in self.rows]


def live(
    harness: Harness,
    folder: Path,
    prompt: str,
    lives: Sequence[Sequence[str]],
    rules: Sequence[Rule],
    **more: Any,
) -> Lived:
    """Let notebooks run code on one folder, one after the other; those with a death in ``kills`` are killed there."""
    (folder / "notebook").mkdir()
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    kills: dict[int, Kill] = more.pop("kills", {})
    cured_in: int = more.pop("cured_in", -1)
    budget_usd: str | None = more.pop("budget_usd", None)
    wishes = [Wish("t2v-standard", prompt, more.pop("paid", 1))]
    violations: list[Violation] = []
    with FaultProxy(harness.service.base_url, [Rule(**{**vars(rule), "hits": 0}) for rule in rules]) as proxy:
        for number, code in enumerate(lives):
            if number == cured_in:
                proxy.set_rules([])
            plan = Plan("aftercare", [])
            cells = [each.format(prompt=prompt) for each in code]
            if budget_usd is not None:
                more["env"] = environment_of(proxy.base_url) | {"HAILUO_BUDGET_USD": budget_usd}
            notebook = harness.start(
                plan, proxy.base_url, folder, number, kills.get(number), code=cells, wait_s=15.0, **more
            )
            assert notebook.wait(40), (folder / f"out-{number}.txt").read_text()
            violations += after_a_kill(harness.service.base_url, since, folder / "notebook", wishes)
        report = json.loads((folder / f"report-{len(lives) - 1}.json").read_text("utf-8"))
        posts = len([seen for seen in proxy.calls("submit") if seen.prompt == prompt])
        # A person who sends again what was unconfirmed may pay twice and was told so: that is no fault of ours.
        seen = [each for each in proxy.seen if each.call != "submit"]
        violations += compare(
            harness.service.base_url, since, folder / "notebook", wishes, seen, report, ["canary"]
        )
    return Lived(report, ledger_rows(folder / "notebook"), posts, violations)


def elsewhere(harness: Harness, prompt: str) -> str:
    """Make the same clip with another program; gives its prediction's id."""
    body = {"prompt": prompt, "duration": 6, "enable_prompt_expansion": True}
    request = urllib.request.Request(
        f"{harness.service.base_url}/api/v3/minimax/hailuo-2.3/t2v-standard",
        json.dumps(body).encode(),
        {"Authorization": "Bearer x", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return str(json.loads(answer.read())["data"]["id"])


def test_resend_sends_once_and_only_when_asked(harness: Harness, tmp_path: Path) -> None:
    """A submit that never arrived stays unconfirmed over a rerun; `%hailuo resend`, given twice, makes one clip."""
    code = [CELL, "SETTLE", CELL, "%hailuo resend UNCONFIRMED --yes", "%hailuo resend UNCONFIRMED --yes"]
    lived = live(harness, tmp_path, "a fox sent once more", [code], [LOST])
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["unconfirmed", "completed"], 2)


def test_killed_while_sending_once_more_nothing_is_sent_a_third_time(
    harness: Harness, tmp_path: Path
) -> None:
    """SIGKILL right after the resent POST: the next start finds its prediction, a rerun of the cell pays nothing."""
    first = [CELL, "SETTLE"]
    second = [CELL, "SETTLE", "%hailuo resend UNCONFIRMED --yes", "SETTLE"]
    lived = live(
        harness,
        tmp_path,
        "a fox dies in its resend",
        [first, second, first],
        [LOST],
        kills={1: Kill(point="post:after")},
    )
    assert lived.violations == []
    assert lived.posts == 2
    assert sorted(lived.statuses) == ["completed", "unconfirmed"]


RETRY_POINTS = (
    "again:before",
    "again:after",
    "turn:after",
    "post:before",
    "post:after",
    "move-submitted:after",
)


@pytest.mark.parametrize("point", RETRY_POINTS)
def test_killed_in_a_retry_no_third_attempt_is_paid(harness: Harness, tmp_path: Path, point: str) -> None:
    """A clip failed at the service, `%hailuo retry`, SIGKILL: the next start and a rerun pay for one retry at most.

    What died before its row stays as it was; what was written down and not sent goes with the rerun.
    """
    prompt = f"a fox fails, dies at {point} [simulate: fail 1405]"
    settled = [CELL, "SETTLE"]
    retry = [CELL, "SETTLE", "%hailuo retry FAILED --yes", "SETTLE"]
    attempts = 1 if point == "again:before" else 2
    kills = {1: Kill(point=point)}
    lived = live(harness, tmp_path, prompt, [settled, retry, settled], [], kills=kills, paid=attempts)
    assert not (tmp_path / "report-1.json").exists()
    assert lived.violations == []
    assert len(lived.statuses) == attempts
    assert set(lived.statuses) <= {"failed", "unconfirmed"}
    assert lived.posts == sum(row["status"] == "failed" for row in lived.rows)


def test_retry_pressed_twice_makes_one_attempt(harness: Harness, tmp_path: Path) -> None:
    """Two retries of the same failed clip, at once: one POST more, and the second says what became of the first."""
    prompt = "a fox retried twice [simulate: fail 1405]"
    code = [CELL, "SETTLE", "%hailuo retry FAILED --yes", "%hailuo retry FAILED --yes", "SETTLE"]
    lived = live(harness, tmp_path, prompt, [code], [], paid=2)
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["failed", "failed"], 2)


def test_a_budget_holds_over_deaths(harness: Harness, tmp_path: Path) -> None:
    """Budget for two clips, three wanted, one after the other, with deaths between: two are paid, the third is refused.

    What died before its POST may be paid counts; what surely was not sent does not.
    """
    prompt = "a fox on a budget"
    first = [CELL]
    both = [CELL, "%%hailuo t2v-standard --takes 2 -y\n{prompt}\n", "SETTLE"]
    all_three = ["%%hailuo t2v-standard --takes 3 -y\n{prompt}\n", *both]
    lived = live(
        harness,
        tmp_path,
        prompt,
        [first, first, both, all_three],
        [],
        kills={0: Kill(point="reserve:after"), 1: Kill(point="post:after")},
        paid=2,
        budget_usd="0.56",
    )
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["completed", "completed"], 2)
    (refusal,) = lived.report["errors"]
    assert refusal.startswith("BudgetExceeded: ")


def test_abandoned_is_not_looked_for_and_a_rerun_does_not_pay(harness: Harness, tmp_path: Path) -> None:
    """`%hailuo abandon` closes it, at once and after a restart."""
    code = [CELL, "SETTLE", "%hailuo abandon UNCONFIRMED", CELL]
    lived = live(harness, tmp_path, "a fox given up", [code, [CELL]], [LOST])
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["abandoned"], 1)


def test_of_several_that_fit_none_is_adopted_by_itself(harness: Harness, tmp_path: Path) -> None:
    """Another program made the same clip just now: both are listed on the card, the person says which one it is."""
    prompt = "a fox made twice"
    foreign = elsewhere(harness, prompt)
    code = [CELL, "SETTLE"]
    lived = live(harness, tmp_path, prompt, [code], [UNANSWERED], paid=2)
    assert lived.statuses == ["unconfirmed"]
    (job,) = lived.report["jobs"]
    assert "%hailuo adopt" in job["card"]
    assert foreign in job["card"]


def test_adopt_takes_the_prediction_that_was_named(harness: Harness, tmp_path: Path) -> None:
    """`%hailuo adopt CLIP PREDICTION` brings that clip; nothing is submitted for it."""
    prompt = "a fox to be adopted"
    foreign = elsewhere(harness, prompt)
    code = [CELL, "SETTLE", f"%hailuo adopt UNCONFIRMED {foreign}"]
    lived = live(
        harness, tmp_path, prompt, [code], [LOST, Rule("status", "recent", options={"status": 500})], paid=1
    )
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["completed"], 1)
    assert lived.rows[0]["prediction_id"] == foreign


def test_resume_takes_up_a_prediction_from_elsewhere_for_nothing(harness: Harness, tmp_path: Path) -> None:
    """An id pasted from another program becomes a row and a file; given twice it is one; nothing is submitted."""
    prompt = "a fox from elsewhere"
    foreign = elsewhere(harness, prompt)
    lived = live(harness, tmp_path, prompt, [[f"%hailuo resume {foreign}", f"%hailuo resume {foreign}"]], [])
    assert lived.report["errors"] == []
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["completed"], 0)


def test_a_clip_whose_file_is_gone_is_fetched_again_for_nothing(harness: Harness, tmp_path: Path) -> None:
    """Deleted from the disk: `%hailuo resume ID` brings the file back without a submit, killed in between or not."""
    delete = "import pathlib; [p.unlink() for p in pathlib.Path('hailuo/clips').iterdir()]"
    ids = "from hailuo_nb.notebook import api; ID = api.session().jobs()[0].id"
    again = "get_ipython().run_line_magic('hailuo', f'resume {{ID}}')"
    lived = live(
        harness,
        tmp_path,
        "a fox deleted",
        [[CELL, "SETTLE", delete], [ids, again, "SETTLE"], [ids, again]],
        [],
        kills={1: Kill(point="name:before")},
    )
    assert lived.report["errors"] == []
    assert lived.violations == []
    assert (lived.statuses, lived.posts) == (["completed"], 1)


def test_no_credits_stops_the_rest_of_the_batch_unsent(harness: Harness, tmp_path: Path) -> None:
    """After the service said that no money is left, few more are tried, and none is lost; later all are made."""
    message = "Insufficient credits. Please top up your account to continue."
    broke = Rule("status", "submit", forward=False, options={"status": 400, "message": message})
    cell = "%%hailuo t2v-standard -y --takes 12\n{prompt}\n"
    lives = [[cell, "SETTLE"], [cell]]
    lived = live(harness, tmp_path, "twelve poor foxes", lives, [broke], paid=12, cured_in=1)
    assert lived.violations == []
    assert lived.statuses == ["completed"] * 12
    assert 12 < lived.posts < 24


def test_a_full_disk_is_told_in_a_line_and_goes_on_by_itself(harness: Harness, tmp_path: Path) -> None:
    """No file may grow over a megabyte for two seconds: the clip of three comes when it may."""
    (tmp_path / "notebook").mkdir()
    plan = Plan("full", [{"prompt": "a fox on a full disk [large]", "variant": "t2v-standard"}])
    told = set()
    with FaultProxy(harness.service.base_url) as proxy:
        notebook = harness.start(plan, proxy.base_url, tmp_path, 0, None, file_limit=(1_000_000, 2.5))
        while not notebook.wait(0.05):
            told |= {row["error"] for row in ledger_rows(tmp_path / "notebook")}
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [(job["status"], job["note"]) for job in report["jobs"]] == [("completed", "")]
    assert [text for text in told if text and "cannot be" in text and "again" in text] != []
    (row,) = ledger_rows(tmp_path / "notebook")
    assert (row["error"], (tmp_path / "notebook" / row["path"]).is_file()) == (None, True)


def test_a_folder_that_vanishes_during_the_download_is_made_again(harness: Harness, tmp_path: Path) -> None:
    """The clips' folder is taken away while the file comes: the clip is there in the end."""
    (tmp_path / "notebook").mkdir()
    plan = Plan("vanish", [{"prompt": "a fox whose folder goes [large]", "variant": "t2v-standard"}])
    hold = Rule("hold", "download", nth=1, stage="answering")
    with FaultProxy(harness.service.base_url, [hold]) as proxy:
        notebook = harness.start(plan, proxy.base_url, tmp_path, 0, None)
        proxy.held.get(timeout=30)
        clips = tmp_path / "notebook" / "hailuo" / "clips"
        for path in clips.iterdir():
            path.unlink()
        clips.rmdir()
        proxy.release()
        assert notebook.wait(45)
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [job["status"] for job in report["jobs"]] == ["completed"]
    (row,) = ledger_rows(tmp_path / "notebook")
    assert (tmp_path / "notebook" / row["path"]).is_file()
