"""What a report says, as plain facts: its clips, what they cost, how they stand in votes, how they were made.

In come a ledger and rows of it; out goes a `Story` in which every text is free of keys, home paths and signed
addresses. It knows no HTML. Next: `hailuo_nb.travel.report_page` draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hailuo_nb.analysis.entries import axes_of
from hailuo_nb.analysis.places import Layout, layout
from hailuo_nb.analysis.ranking import ranking, run_s
from hailuo_nb.analysis.words import brief
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.ledger.reading import Wanted
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.travel.private import without

if TYPE_CHECKING:
    from hailuo_nb.ledger.store import Ledger

__all__ = ["ClipFacts", "Cost", "Media", "Ranked", "Ranking", "Story", "story_of"]

_NUMBERS = ("rank", "cost_usd", "score", "low", "high")

ENDED = frozenset({"completed", "failed", "unconfirmed", "abandoned"})
"""Statuses in which a clip may have cost something."""


@dataclass(frozen=True)
class Media:
    """What there is to see of a clip.

    Attributes
    ----------
    poster, thumb : bytes
        JPEGs; empty where the file cannot be read.
    href : str
        The way to the file from the report; empty where there is none, or none that says nothing of this machine.
    is_embedded : bool
        Whether the clip itself is in the report.
    is_here : bool
        Whether the file is on disk.
    """

    poster: bytes = b""
    thumb: bytes = b""
    href: str = ""
    is_embedded: bool = False
    is_here: bool = False


@dataclass(frozen=True)
class ClipFacts:
    """One clip of a report.

    Attributes
    ----------
    key : str
        Its name inside the report.
    row : ClipRow
        Its row; every text in it may be shown.
    axes : mapping of str to str
        In what it may differ from the others.
    label : str
        How it is called among the others: its name, or the values in which it differs.
    wins, losses, ties : int
        The votes on it.
    media : Media
        What there is to see.
    """

    key: str
    row: ClipRow
    axes: Mapping[str, str]
    label: str = ""
    wins: int = 0
    losses: int = 0
    ties: int = 0
    media: Media = Media()

    @property
    def is_simulated(self) -> bool:
        """Whether no model made it."""
        return self.row.service == "simulator"

    @property
    def cost(self) -> str:
        """What it cost, in words; a quote where that is not known yet."""
        row = self.row
        if row.cost_usd is not None:
            said = usd_text(row.cost_usd)
        elif row.status in ENDED:
            return "not known"
        else:
            said = f"quote {usd_text(row.quote_usd)}"
        return f"simulated {said}" if self.is_simulated else said


@dataclass(frozen=True)
class Cost:
    """What the clips of one variant at one service cost.

    Attributes
    ----------
    variant, model_id : str
        What made them.
    is_simulated : bool
        Whether no model did.
    clips, done, unknown : int
        How many there are, how many of them are finished, of how many the cost is not known.
    usd : Decimal
        The sum of what is known.
    run_s : float or None
        How long one took, on average over those for which it is known.
    """

    variant: str
    model_id: str
    is_simulated: bool
    clips: int
    done: int
    unknown: int
    usd: Decimal
    run_s: float | None


@dataclass(frozen=True)
class Ranked:
    """One line of a ranking; numbers that the votes do not give are None."""

    name: str
    clip: str
    rank: int | None
    cost_usd: float | None
    score: float | None
    low: float | None
    high: float | None
    wins: int
    losses: int
    ties: int
    says: str


@dataclass(frozen=True)
class Ranking:
    """What the votes say of variants, of the values of an axis, or of clips."""

    by: str
    votes: int
    lines: tuple[Ranked, ...]
    notes: tuple[str, ...]
    services: frozenset[str]

    @property
    def is_simulated(self) -> bool:
        """Whether all costs in it are simulated dollars."""
        return self.services == {"simulator"}

    @property
    def priced(self) -> tuple[str, ...]:
        """The head of the column with costs; there is none where real and simulated dollars would be mixed."""
        return ("cost a clip",) if len(self.services) == 1 else ()


@dataclass(frozen=True)
class Story:
    """All that a report says.

    Attributes
    ----------
    title, headline, prompt : str
        What it is about: a name, one line of counts and costs, and the words that all clips share.
    clips : tuple of ClipFacts
        In the order of making.
    layout : Layout
        Where each stands.
    costs, rankings : tuple
        By service and variant; by whatever was voted on.
    first, last : datetime or None
        When the first and the last was made.
    taken_out : int
        How many texts had a key, a home path or a signed address.
    """

    title: str
    headline: str
    prompt: str
    clips: tuple[ClipFacts, ...]
    layout: Layout
    costs: tuple[Cost, ...]
    rankings: tuple[Ranking, ...]
    first: datetime | None
    last: datetime | None
    taken_out: int

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The axes of the prompts in which the clips differ."""
        names = dict.fromkeys(name for clip in self.clips for name in clip.row.axes if name != "variant")
        return tuple(name for name in names if len({clip.row.axes.get(name, "") for clip in self.clips}) > 1)


def story_of(ledger: Ledger, rows: Sequence[ClipRow], *, title: str = "", known: Sequence[str] = ()) -> Story:
    """Gather what a report says; the clips' pictures come later.

    Parameters
    ----------
    ledger : Ledger
        Where the votes are.
    rows : sequence of ClipRow
        The clips, in their order.
    title : str
        What stands above; the clips' name when empty.
    known : sequence of str
        Keys to take out of every text.
    """
    teller = _Teller(known)
    shown = [teller.row(row) for row in rows]
    found = ledger.table(Wanted(ids=[row.id for row in rows]))
    counted = (found.stored[name] for name in ("wins", "losses", "ties"))
    votes = {
        clip_id: (int(wins), int(losses), int(ties))
        for clip_id, wins, losses, ties in zip(found.ids, *counted, strict=True)
    }
    axes = {f"clip-{number}": _axes(row, shown) for number, row in enumerate(shown, 1)}
    places = layout(list(axes.items()))
    clips = tuple(
        ClipFacts(
            key, row, axes[key], places.labels[key] or row.name or row.variant, *votes.get(row.id, (0, 0, 0))
        )
        for key, row in zip(axes, shown, strict=True)
    )
    saved = sum(found.reused.get(row.id, (0, 0))[1] or 0 for row in rows if row.service != "simulator")
    moments = sorted(row.created_utc for row in rows)
    return Story(
        title=teller.text(title) or _title(shown),
        headline=_headline(clips, Decimal(saved) / 1_000_000),
        prompt=_shared_prompt(shown),
        clips=clips,
        layout=places,
        costs=_costs(clips),
        rankings=_rankings(ledger, rows, clips, teller),
        first=moments[0] if moments else None,
        last=moments[-1] if moments else None,
        taken_out=teller.taken_out,
    )


class _Teller:
    """Takes out of every text what must not be passed on, and counts in how many there was something."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known
        self.taken_out = 0

    def text(self, text: str) -> str:
        """Give a text that may be passed on."""
        said = without(text, self._known)
        self.taken_out += said != text
        return said

    def maybe(self, text: str | None) -> str | None:
        """Give a text that may be passed on, where there is one."""
        return None if text is None else self.text(text)

    def row(self, row: ClipRow) -> ClipRow:
        """Give a row of which every text may be passed on."""
        before = self.taken_out
        prompt = self.text(row.prompt)
        was_said = self.taken_out
        said = replace(
            row,
            name=self.maybe(row.name),
            prompt=prompt,
            prompt_template=self.maybe(row.prompt_template),
            axes={self.text(name): self.text(str(value)) for name, value in row.axes.items()},
            note=self.maybe(row.note),
            error=self.maybe(row.error),
            path=self.maybe(row.path),
            tags=tuple(map(self.text, row.tags)),
        )
        # A prompt, its template and its axes say the same words.
        self.taken_out = max(was_said, before + (self.taken_out > before))
        return said


def _axes(row: ClipRow, rows: Sequence[ClipRow]) -> dict[str, str]:
    """Give everything in which a clip may differ from others, in the order to say it; as on a card."""
    seconds = row.asked_duration_s or row.duration_s
    axes = {"variant": row.variant}
    if seconds:
        axes["length"] = f"{seconds:g} s"
    if (
        len({each.prompt_template or each.prompt for each in rows if not each.axes or each.prompt_template})
        > 1
    ):
        axes["prompt"] = brief(row.prompt_template or row.prompt)
    axes |= dict(row.axes)
    if any(each.take > 1 for each in rows):
        axes["take"] = str(row.take)
    return axes


def _title(rows: Sequence[ClipRow]) -> str:
    names = list(dict.fromkeys(row.name for row in rows if row.name))
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "") if names else "Clips"


def _shared_prompt(rows: Sequence[ClipRow]) -> str:
    """Give the words that all clips share: their prompt, or what it was made from."""
    prompts = {row.prompt for row in rows}
    templates = {row.prompt_template for row in rows}
    if len(prompts) == 1:
        return prompts.pop()
    return (templates.pop() or "") if len(templates) == 1 else ""


def _headline(clips: Sequence[ClipFacts], saved: Decimal) -> str:
    """Say how many clips there are and what they cost; simulated dollars are never added to real ones."""
    variants = {clip.row.variant for clip in clips}
    done = sum(clip.row.status == "completed" for clip in clips)
    parts = [_counted(len(clips), "clip"), _counted(len(variants), "variant")]
    parts += [f"{done} done"] if done < len(clips) else []
    for word, which in (("", False), ("simulated ", True)):
        mine = [
            clip.row.cost_usd
            for clip in clips
            if clip.is_simulated == which and clip.row.imported_utc is None
        ]
        if mine:
            parts.append(word + usd_text(sum((usd for usd in mine if usd is not None), Decimal(0))))
    unknown = sum(clip.row.cost_usd is None and clip.row.status in ENDED for clip in clips)
    parts += [f"{unknown} of unknown cost"] if unknown else []
    imported = sum(clip.row.imported_utc is not None for clip in clips)
    parts += [f"{imported} imported, paid by somebody else"] if imported else []
    parts += [f"saved {usd_text(saved)} by showing clips again"] if saved else []
    return " · ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _costs(clips: Sequence[ClipFacts]) -> tuple[Cost, ...]:
    """Add up by service and variant."""
    groups: dict[tuple[bool, str, str], list[ClipRow]] = {}
    for clip in clips:
        groups.setdefault((clip.is_simulated, clip.row.variant, clip.row.model_id), []).append(clip.row)
    found = []
    for (is_simulated, variant, model_id), rows in groups.items():
        known = [row.cost_usd for row in rows if row.cost_usd is not None and row.imported_utc is None]
        times = [time for time in map(run_s, rows) if time is not None]
        found.append(
            Cost(
                variant,
                model_id,
                is_simulated,
                clips=len(rows),
                done=sum(row.status == "completed" for row in rows),
                unknown=sum(row.cost_usd is None and row.status in ENDED for row in rows),
                usd=sum(known, Decimal(0)),
                run_s=sum(times) / len(times) if times else None,
            )
        )
    return tuple(found)


def _rankings(
    ledger: Ledger, rows: Sequence[ClipRow], clips: Sequence[ClipFacts], teller: _Teller
) -> tuple[Ranking, ...]:
    """Rank by everything that there are votes on."""
    if not any(clip.wins + clip.losses + clip.ties for clip in clips):
        return ()
    several = ["variant"] if len({row.variant for row in rows}) > 1 else []
    found = []
    for by in [*several, *axes_of(rows), "clip"]:
        frame = ranking(ledger, rows, by)
        if frame.attrs["votes"]:
            found.append(_ranking(frame, by, {clip.row.id: clip for clip in clips}, teller.text))
    return tuple(found)


def _ranking(frame: Any, by: str, clips: Mapping[str, ClipFacts], told: Callable[[str], str]) -> Ranking:
    """Read one ranking; of clips, only those that were voted on."""
    lines = []
    for name, line in zip(frame.index, frame.to_dict("records"), strict=True):
        if by == "clip" and not line["votes"]:
            continue
        clip = clips.get(str(name))
        rank, cost, score, low, high = (_number(line[column]) for column in _NUMBERS)
        lines.append(
            Ranked(
                name=_named(told(str(name)), clips),
                clip=clip.key if clip is not None else "",
                rank=None if rank is None else int(rank),
                cost_usd=cost,
                score=score,
                low=low,
                high=high,
                wins=int(line["wins"]),
                losses=int(line["losses"]),
                ties=int(line["ties"]),
                says=_named(told(str(line["says"])), clips) if isinstance(line["says"], str) else "",
            )
        )
    services = frozenset(clip.row.service for clip in clips.values())
    # Its last note is about simulated dollars, which are marked where they stand.
    notes = frame.attrs["notes"][: -1 if "simulator" in services else None]
    return Ranking(told(by), int(frame.attrs["votes"]), tuple(lines), tuple(map(told, notes)), services)


def _named(text: str, clips: Mapping[str, ClipFacts]) -> str:
    """Write each clip that a text names by its id as people know it."""
    for clip_id, clip in clips.items():
        if clip_id in text:
            text = text.replace(clip_id, clip.label)
    return text


def _number(value: Any) -> float | None:
    """Give a number of a frame, where there is one."""
    try:
        number = float(value)
    except (TypeError, ValueError):  # NA
        return None
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124 - NaN
