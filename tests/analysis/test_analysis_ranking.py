"""Rankings: what competes, ranks that are honest, costs, and a picture."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from vote_world import answer_of, finished, vote

from hailuo_nb.analysis.entries import axes_of, chosen_by, entries
from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.ranking import COLUMNS, LEAST_VOTES, ranking
from hailuo_nb.analysis.rankplot import plot_rank
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.store import Ledger

TASTE = {"t2v-pro": 1.2, "t2v-standard": 0.0, "fast": -1.2}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give an open ledger."""
    with Ledger.open(tmp_path / "hailuo" / "ledger.db") as opened:
        yield opened


@pytest.fixture
def rows(ledger: Ledger) -> list[ClipRow]:
    """Give two prompts in three variants."""
    return [finished(ledger, prompt, variant) for prompt in ("a fox", "an owl") for variant in TASTE]


def judged(ledger: Ledger, rows: list[ClipRow], rounds: int, seed: int = 0) -> None:
    """Let a voter with `TASTE` compare the variants of each prompt."""
    chance = np.random.default_rng(seed)
    votes = []
    for _ in range(rounds):
        for left, right in ((0, 1), (2, 1), (0, 2), (3, 4), (5, 4), (3, 5)):
            votes.append((rows[left], rows[right], answer_of(chance, TASTE, rows[left], rows[right])))
    vote(ledger, votes)


def test_a_ranking_finds_the_order_and_says_that_it_is_sure(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Many votes of a clear taste: ranks 1, 2, 3 and nothing to add."""
    judged(ledger, rows, 20)
    frame = ranking(ledger, rows, "variant")
    assert list(frame.columns) == list(COLUMNS)
    assert frame.index.name == "variant"
    assert list(frame.index) == list(TASTE)
    assert list(frame["rank"]) == [1, 2, 3]
    assert list(frame["says"]) == ["", "", ""]
    assert frame.attrs["notes"] == []
    assert (frame["low"] < frame["score"]).all()
    assert (frame["score"] < frame["high"]).all()
    assert list(frame["votes"]) == [80, 80, 80]
    again = ranking(ledger, rows, "variant")
    assert again.equals(frame)


def test_what_votes_do_not_tell_apart_shares_a_rank(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Even votes: everybody is first, and each says from whom it is not told apart."""
    both = [(rows[0], rows[1], word) for word in ("left", "right", "tie", "both_bad") * 3]
    vote(ledger, both)
    frame = ranking(ledger, rows[:2], "variant")
    assert list(frame["rank"]) == [1, 1]
    assert frame.loc["t2v-pro", "says"] == "not told apart from t2v-standard"
    assert frame.attrs["notes"] == ["The votes do not tell these apart yet: all share the first rank."]
    assert list(frame["both_bad"]) == [3, 3]
    assert list(frame["ties"]) == [6, 6]
    assert list(frame["win_share"]) == [0.5, 0.5]


@pytest.mark.parametrize("seed", range(4))
def test_no_rank_is_worse_than_one_further_down(ledger: Ledger, seed: int) -> None:
    """Also where one entry has many votes and its neighbours few, so that only some differences are sure."""
    names = [f"v{n}" for n in range(7)]
    rows = [finished(ledger, "a fox", name) for name in names]
    chance = np.random.default_rng(seed)
    votes = []
    for _ in range(150):
        # The later ones meet far more rarely.
        one, other = (int(each) for each in np.minimum(chance.geometric(0.35, 2) - 1, 6))
        if one != other:
            wins = chance.random() < 1 / (1 + np.exp((one - other) * 0.7))
            votes.append((rows[one], rows[other], "left" if wins else "right"))
    vote(ledger, votes)
    ranks = [int(rank) for rank in ranking(ledger, rows, "variant")["rank"].dropna()]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1


def test_few_votes_give_no_rank(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Not a false order, but how many are missing."""
    vote(ledger, [(rows[0], rows[1], "left")] * (LEAST_VOTES - 1))
    frame = ranking(ledger, rows[:3], "variant")
    assert frame["rank"].isna().all()
    assert frame.loc["t2v-pro", "says"] == "not enough votes: 1 more"
    assert frame.loc["fast", "says"] == "no votes yet"
    assert frame["score"].isna().tolist() == [False, False, True]
    assert frame.attrs["notes"] == ["Not enough votes: an entry needs 5 to have a rank."]
    nobody = ranking(ledger, rows[3:], "variant")
    assert nobody.attrs["notes"] == ["Not enough votes: there are none between these yet."]
    assert nobody["rank"].isna().all()


def test_there_is_no_order_between_clips_that_never_met(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Each prompt's clips are a group, with ranks of its own."""
    judged(ledger, rows, 40)
    frame = ranking(ledger, rows, "clip")
    assert list(frame["group"]) == [1, 1, 1, 2, 2, 2]
    assert list(frame["rank"]) == [1, 2, 3, 1, 2, 3]
    assert frame.attrs["notes"][0].startswith("2 groups were never set against each other")


def test_axes_compete_by_their_values(ledger: Ledger) -> None:
    """``axis`` is the one axis there is; votes between two clips of one value say nothing about it."""
    rows = [
        finished(
            ledger,
            f"a fox {light}",
            take=take,
            axes={"light": light},
            prompt_template="a fox {light: dawn|dusk}",
        )
        for light in ("dawn", "dusk")
        for take in (1, 2)
    ]
    votes = [(rows[2], rows[0], "left"), (rows[1], rows[3], "right"), (rows[0], rows[1], "left")] * 5
    vote(ledger, votes)
    frame = ranking(ledger, rows, "axis")
    assert frame.index.name == "light"
    assert list(frame.index) == ["dusk", "dawn"]
    assert list(frame["wins"]) == [10, 0]
    assert list(frame["rank"]) == [1, 2]
    assert list(frame["clips"]) == [2, 2]


def test_shares_are_set_against_money_and_time(ledger: Ledger) -> None:
    """The share of wins for a dollar and a second, NA where nobody knows what it cost."""
    pro = finished(ledger, "a fox", "t2v-pro")
    cheap = finished(ledger, "a fox", "fast", quote_usd=None)
    ledger.set_cost(pro.id, Decimal("0.50"))
    vote(ledger, [(pro, cheap, "left")] * 8)
    frame = ranking(ledger, ledger.rows(), "variant")
    assert frame.loc["t2v-pro", "win_share_per_usd"] == pytest.approx(2.0)
    assert frame.isna().loc["fast", "cost_usd"]
    assert frame.isna().loc["fast", "win_share_per_usd"]
    assert not frame.attrs["is_simulated"]


def test_simulated_costs_say_so(ledger: Ledger) -> None:
    """A simulated dollar is none."""
    rows = [finished(ledger, "a fox", variant, service="simulator") for variant in TASTE]
    vote(ledger, [(rows[0], rows[1], "left")] * 5)
    frame = ranking(ledger, rows, "variant")
    assert frame.attrs["is_simulated"]
    assert "Costs are simulated dollars." in frame.attrs["notes"]


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("lihgt", "did you mean light"),
        ("axis", "2 axes"),
        ("mood", "one of clip, variant, light, camera"),
    ],
)
def test_an_axis_that_is_not_there_is_told(ledger: Ledger, by: str, said: str) -> None:
    """With the right ones."""
    rows = [
        finished(ledger, f"a fox {n}", axes={"light": f"l{n}", "camera": f"c{n}", "same": "x"})
        for n in (1, 2)
    ]
    assert axes_of(rows) == ["light", "camera"]
    with pytest.raises(InvalidRequest, match=said):
        chosen_by(rows, by)


def test_only_what_differs_in_one_thing_may_meet(ledger: Ledger) -> None:
    """One pool for each prompt, and for all else that is not compared."""

    def pools(by: str) -> list[int]:
        found = [entry.pool for entry in entries(rows, by)]
        return [found.index(pool) for pool in found]

    template = "{animal: fox|owl} at {light: dawn|dusk}"
    rows = [
        finished(
            ledger,
            f"{animal} at {light}",
            variant,
            axes={"animal": animal, "light": light, "variant": variant},
            prompt_template=template,
        )
        for animal in ("fox", "owl")
        for light in ("dawn", "dusk")
        for variant in ("t2v-pro", "fast")
    ]
    assert pools("variant") == pools("clip") == [0, 0, 2, 2, 4, 4, 6, 6]
    assert pools("light") == [0, 1, 0, 1, 4, 5, 4, 5]


def test_the_history_counts_votes(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Wins, losses and ties, a vote taken back left out, and what was measured beside them."""
    vote(ledger, [(rows[0], rows[1], word) for word in ("left", "left", "right", "tie")])
    ledger.take_back_vote(ledger.ballots()[0].id)
    assert "m.motion_px" not in history(ledger)
    ledger.set_measures(rows[0].id, {"motion_px": 3.25, "cuts": 0}, version=1)
    frame = history(ledger).set_index("id")
    assert frame.loc[rows[0].id, ["wins", "losses", "ties"]].tolist() == [2, 1, 0]
    assert frame.loc[rows[1].id, ["wins", "losses", "ties"]].tolist() == [1, 2, 0]
    assert frame.loc[rows[0].id, "m.motion_px"] == 3.25
    assert frame["m.motion_px"].isna().sum() == 5


def test_a_ranking_can_be_drawn(ledger: Ledger, rows: list[ClipRow]) -> None:
    """A dot and an interval for each entry somebody voted on; text that looks like a formula stays text."""
    judged(ledger, rows, 20)
    frame = ranking(ledger, rows, "variant").rename(index={"t2v-pro": "costs $5 or $6"})
    figure = plot_rank(frame)
    (axis,) = figure.axes
    labels = axis.get_yticklabels()
    assert [label.get_text() for label in labels] == ["fast", "t2v-standard", "costs $5 or $6"]
    assert not any(label.get_parse_math() for label in labels)
    assert [text.get_text() for text in axis.texts] == [
        "rank 3 · 80 votes",
        "rank 2 · 80 votes",
        "rank 1 · 80 votes",
    ]
    assert figure.said.startswith("Votes by variant: costs $5 or $6 rank 1 · 80 votes; t2v-standard rank 2")
    figure.savefig(BytesIO())


def test_only_a_ranking_is_drawn(ledger: Ledger, rows: list[ClipRow]) -> None:
    """A history is none, and nothing is drawn of no votes."""
    with pytest.raises(InvalidRequest, match=r"hn\.rank"):
        plot_rank(history(ledger))
    with pytest.raises(InvalidRequest, match="nobody voted"):
        plot_rank(ranking(ledger, rows, "variant"))
