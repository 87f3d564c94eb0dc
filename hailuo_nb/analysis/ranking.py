"""The order that votes make, as a DataFrame that says how far it can be trusted.

In come clips, the votes on them and what competes (`hailuo_nb.analysis.entries`); out goes a row for each entry, the
strongest first. Where the votes do not tell two apart they share a rank, and where there are too few there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.entries import chosen_by, entries
from hailuo_nb.analysis.strength import REPLICATES, Bouts, Strengths, components, strengths
from hailuo_nb.ledger.rows import ClipRow, VoteRow

if TYPE_CHECKING:
    import pandas as pd

    from hailuo_nb.ledger.store import Ledger

__all__ = ["COLUMNS", "LEAST_VOTES", "ranking", "run_s"]

COLUMNS = (
    *("rank", "score", "low", "high", "wins", "losses", "ties", "both_bad", "votes", "win_share", "clips"),
    *("cost_usd", "run_s", "win_share_per_usd", "win_share_per_s", "group", "says"),
)
LEAST_VOTES = 5
"""With fewer votes an entry gets no rank."""

_NAMED = 3
_TIES = ("tie", "both_bad")


def ranking(
    ledger: Ledger,
    rows: Sequence[ClipRow],
    by: str = "variant",
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Rank clips, variants or the values of an axis by the votes on these clips.

    Parameters
    ----------
    ledger : Ledger
        Where the votes are.
    rows : sequence of ClipRow
        The clips; votes between any two of them count.
    by : str
        ``clip``, ``variant``, or an axis of the prompts; ``axis`` where there is only one.
    seed : int
        Of the bootstrap: the same votes and seed give the same table.
    replicates : int
        How often the votes are drawn again for the intervals.

    Returns
    -------
    pandas.DataFrame
        A row for each entry, strongest first, the index named after `by`:

        ``rank``
            The best one that the votes leave open: 1 and one more for each entry that is surely stronger, and none
            worse than that of an entry with a lower score. So entries that the votes do not tell apart share it. NA
            with fewer than five votes.
        ``score, low, high``
            Bradley-Terry on the scale of log odds, around 0, and the bootstrap's interval of 95 %. A difference of 1
            means 2.7 wins for each loss. NA where nobody voted.
        ``wins, losses, ties, both_bad, votes``
            What was said; ``ties`` holds those that were both bad too, since neither was the better one.
        ``win_share``
            Wins and half the ties, of all votes.
        ``clips, cost_usd, run_s``
            How many there are, and what one cost and took, on average over those for which it is known.
        ``win_share_per_usd, win_share_per_s``
            The share for each dollar and each second of one clip.
        ``group``
            Entries of two groups never met, directly or through others: there is no order between groups.
        ``says``
            What keeps the rank from being sure, in words.

        ``attrs`` holds ``by, votes, seed, tie`` (how readily equals tie, for each group), ``is_simulated`` and
        ``notes``, sentences about the whole.

    Raises
    ------
    InvalidRequest
        These clips have no such axis.
    """
    by = chosen_by(rows, by)
    # In the order of making: sorted by name, clips would stand by their ids, and the same votes on the same clips, made
    # elsewhere, would be drawn otherwise.
    in_order = sorted(rows, key=lambda row: row.seq)
    named = {entry.clip_id: entry.name for entry in entries(in_order, by)}
    votes = [vote for vote in ledger.votes(clip_ids=named) if named[vote.left_clip] != named[vote.right_clip]]
    names = list(dict.fromkeys(named.values()))
    at = {name: place for place, name in enumerate(names)}
    outcomes = [(at[named[v.left_clip]], at[named[v.right_clip]], _result(v)) for v in votes]
    part = components(Bouts.of(len(names), outcomes))
    counts = _counted(names, named, votes)
    records: list[dict[str, Any]] = [
        {"name": name, "group": part[at[name]], **counts[name]} for name in names
    ]
    ties: dict[int, float] = {}
    for group in sorted(set(part)):
        ties |= _judge(records, part, outcomes, group, seed, replicates)
    _price(records, rows, named)
    return _table(records, by, len(votes), seed, ties, rows)


def _result(vote: VoteRow) -> int:
    return 2 if vote.answer in _TIES else ("left", "right").index(vote.answer)


def _counted(
    names: Sequence[str], named: Mapping[str, str], votes: Sequence[VoteRow]
) -> dict[str, dict[str, Any]]:
    """Count what was said of each entry."""
    kinds = ("wins", "losses", "ties", "both_bad", "votes")
    counts: dict[str, dict[str, Any]] = {name: dict.fromkeys(kinds, 0) for name in names}
    for vote in votes:
        for side, clip_id in (("left", vote.left_clip), ("right", vote.right_clip)):
            mine = counts[named[clip_id]]
            mine["votes"] += 1
            mine["both_bad"] += vote.answer == "both_bad"
            mine["ties" if vote.answer in _TIES else "wins" if vote.answer == side else "losses"] += 1
    for mine in counts.values():
        mine["win_share"] = (mine["wins"] + mine["ties"] / 2) / mine["votes"] if mine["votes"] else None
    return counts


def _judge(
    records: list[dict[str, Any]],
    part: Sequence[int],
    outcomes: Sequence[tuple[int, int, int]],
    group: int,
    seed: int,
    replicates: int,
) -> dict[int, float]:
    """Give the entries of one group their scores and ranks; gives the group's readiness to tie."""
    members = [place for place, number in enumerate(part) if number == group]
    for place in members:
        records[place] |= {"rank": None, "score": None, "low": None, "high": None, "says": "no votes yet"}
    if len(members) < 2:
        return {}
    inside = {place: number for number, place in enumerate(members)}
    bouts = Bouts.of(len(members), [(inside[i], inside[j], r) for i, j, r in outcomes if i in inside])
    found = strengths(bouts, seed=seed, replicates=replicates)
    has_enough = [records[place]["votes"] >= LEAST_VOTES for place in members]
    for number, place in enumerate(members):
        records[place] |= {
            "score": float(found.scores[number]),
            "low": float(found.low[number]),
            "high": float(found.high[number]),
        }
        if has_enough[number]:
            above = sum(bool(found.is_above[other, number]) for other in inside.values() if has_enough[other])
            records[place]["rank"] = 1 + above
            records[place]["says"] = _not_apart(records, members, found, has_enough, number)
        else:
            lacking = LEAST_VOTES - records[place]["votes"]
            records[place]["says"] = f"not enough votes: {lacking} more"
    best = len(members)
    for place in sorted(members, key=lambda each: records[each]["score"]):
        if records[place]["rank"] is not None:
            # Of two that are not told apart, the one more voted on may be surely below a third and the other not.
            best = records[place]["rank"] = min(best, records[place]["rank"])
    return {group: found.tie}


def _not_apart(
    records: Sequence[Mapping[str, Any]],
    members: Sequence[int],
    found: Strengths,
    has_enough: Sequence[bool],
    number: int,
) -> str:
    """Name the entries that the votes do not tell from this one, the nearest first."""
    others = [
        other
        for other in range(len(members))
        if other != number
        and has_enough[other]
        and not found.is_above[other, number]
        and not found.is_above[number, other]
    ]
    others.sort(key=lambda other: abs(float(found.scores[other] - found.scores[number])))
    if not others:
        return ""
    listed = ", ".join(str(records[members[other]]["name"]) for other in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"not told apart from {listed}{more}"


def _price(records: Sequence[dict[str, Any]], rows: Sequence[ClipRow], named: Mapping[str, str]) -> None:
    """Add what a clip of each entry cost and took, and the share of wins for that."""
    rows_of: dict[str, list[ClipRow]] = {record["name"]: [] for record in records}
    for row in rows:
        if row.id in named:
            rows_of[named[row.id]].append(row)
    for record in records:
        mine = rows_of[record["name"]]
        cost = _mean([float(row.cost_usd) for row in mine if row.cost_usd is not None])
        took = _mean([seconds for row in mine if (seconds := run_s(row)) is not None])
        share = record["win_share"]
        record |= {
            "clips": len(mine),
            "cost_usd": cost,
            "run_s": took,
            "win_share_per_usd": share / cost if share is not None and cost else None,
            "win_share_per_s": share / took if share is not None and took else None,
        }


def run_s(row: ClipRow) -> float | None:
    """Give the seconds that a clip took: the service's own figure, else what the polls saw, as in the history."""
    if row.execution_ms is not None:
        return row.execution_ms / 1000
    start = row.started_utc or row.submitted_utc
    if start is None or row.generated_utc is None or row.generated_utc < start:
        return None
    return (row.generated_utc - start).total_seconds()


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _table(
    records: list[dict[str, Any]],
    by: str,
    votes: int,
    seed: int,
    ties: Mapping[int, float],
    rows: Sequence[ClipRow],
) -> pd.DataFrame:
    """Put the entries in order: the larger groups first, in a group by score."""
    import pandas as pd

    sizes = {
        group: sum(each["group"] == group for each in records) for group in {r["group"] for r in records}
    }
    order = sorted(sizes, key=lambda group: (-sizes[group], group))
    number = {group: place for place, group in enumerate(order, start=1)}
    for record in records:
        record["group"] = number[record["group"]]
    records.sort(key=lambda each: (each["group"], -(each["score"] or 0.0)))
    index = pd.Index([each["name"] for each in records], name=by, dtype=object)
    frame = pd.DataFrame([{name: each[name] for name in COLUMNS} for each in records], index, list(COLUMNS))
    whole = ("rank", "wins", "losses", "ties", "both_bad", "votes", "clips", "group")
    types = {
        name: "Int64" if name in whole else "string" if name == "says" else "Float64" for name in COLUMNS
    }
    frame = frame.astype(types)
    services = {row.service for row in rows}
    frame.attrs |= {
        "by": by,
        "votes": votes,
        "seed": seed,
        "tie": {number[group]: tie for group, tie in ties.items()},
        "is_simulated": services == {"simulator"},
        "notes": _notes(records, votes, services),
    }
    return frame


def _notes(records: Sequence[Mapping[str, Any]], votes: int, services: set[str]) -> list[str]:
    """Say what the table does not tell by itself."""
    if not votes:
        return ["Not enough votes: there are none between these yet."]
    said = []
    ranked = [each["rank"] for each in records if each["rank"] is not None]
    groups = {each["group"] for each in records if each["votes"]}
    if not ranked:
        said.append(f"Not enough votes: an entry needs {LEAST_VOTES} to have a rank.")
    elif len(groups) == 1 and len(ranked) > 1 and set(ranked) == {1}:
        said.append("The votes do not tell these apart yet: all share the first rank.")
    if len(groups) > 1:
        said.append(
            f"{len(groups)} groups were never set against each other: there is no order between them."
        )
    if services == {"simulator"}:
        said.append("Costs are simulated dollars.")
    elif "simulator" in services:
        said.append("Some of these clips are simulated, and so are their costs.")
    return said
