"""Rows out of the ledger, by any mixture of filters.

In comes a `Wanted`, out go `ClipRow` for the jobs and the cards, or bare columns for the history's DataFrame,
which would otherwise spend its time on making objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    func,
    literal,
    literal_column,
    select,
    text,
)

from hailuo_nb.ledger import measuring, voting
from hailuo_nb.ledger.rows import ClipRow, EventRow, Place, fields_from, to_ms
from hailuo_nb.ledger.status import FINAL
from hailuo_nb.ledger.tables import batch_clips, batches, clips, events
from hailuo_nb.ledger.writing import bare_columns, clip_row, values_in

_FEW = 5000
# So many clips of one length say more than those of every length.
FEWEST_OF_LENGTH = 3
_OF_PLACE = ("shown", "axes", "prompt_template", "saved_micros")
_NOT_SHOWN = frozenset(
    {"seq", "codec", "frames", "has_audio", "quote_as_of", "moved_utc_ms", "more_paths", "error_kind"}
    | {"key_fingerprint", "was_accepted", "was_taken_over", "is_hidden", "owner", "fence"}
)
"""Columns that the history has no use for; leaving them out saves a fifth of its time."""


@dataclass(frozen=True)
class Wanted:
    """Which rows; what is None or empty does not filter.

    Parameters
    ----------
    ids, prediction_ids : collection of str, optional
        These clips only; with prediction ids give the service too.
    request_hash : str, optional
        The takes and attempts of this request; give the service too.
    sha256 : str, optional
        Clips whose file was this one.
    batch : str, optional
        The clips that a batch shows, in its order.
    statuses, variants : collection of str, optional
        Any of these.
    service, name, tag, notebook, cell_id : str, optional
        Exactly this.
    text : str, optional
        In the prompt, whatever the case.
    since, until : datetime, optional
        Made from then on, and before then.
    axes : Mapping of str to str or collection of str
        Axis values; any of several.
    limit : int, optional
        At most so many.
    newest_first : bool
        The order; oldest first otherwise.
    """

    ids: Collection[str] | None = None
    prediction_ids: Collection[str] | None = None
    request_hash: str | None = None
    sha256: str | None = None
    batch: str | None = None
    statuses: Collection[str] | None = None
    variants: Collection[str] | None = None
    service: str | None = None
    name: str | None = None
    tag: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    axes: Mapping[str, str | Collection[str]] = field(default_factory=dict)
    limit: int | None = None
    newest_first: bool = False


def rows(connection: Connection, wanted: Wanted) -> list[ClipRow]:
    """Read rows; each once, even where a batch shows it at several places."""
    found = connection.execute(_narrowed(select(clips), wanted)).mappings()
    return [clip_row(stored) for stored in found]


@dataclass(frozen=True)
class Columns:
    """What the history is made of, column by column as SQLite has it; all of one length."""

    stored: Mapping[str, Sequence[Any]]
    reused: Mapping[str, tuple[int, int | None]]

    @property
    def ids(self) -> Sequence[str]:
        """The clips, one for each line of the history."""
        return self.stored["id"]


def table(connection: Connection, wanted: Wanted) -> Columns:
    """Read what the history shows, and how often each of its clips was shown again for nothing."""
    columns: list[ColumnElement[Any]] = [column for column in clips.c if column.name not in _NOT_SHOWN]
    if wanted.batch is not None:
        # In a batch's own table a clip stands at each of its places, with that place's axes.
        source = clips.join(batch_clips, batch_clips.c.clip_id == clips.c.id)
        columns += [batch_clips.c[name].label(f"place_{name}") for name in _OF_PLACE]
        statement = select(*columns).select_from(source).where(batch_clips.c.batch_id == wanted.batch)
        statement = statement.where(*_conditions(wanted)).order_by(batch_clips.c.position).limit(wanted.limit)
    else:
        statement = _narrowed(select(*columns), wanted)
    stored = bare_columns(connection.execute(statement))
    ids = stored["id"]
    return Columns(
        {
            **stored,
            **_of_cells(connection, stored["batch_id"]),
            **_voted(connection, ids),
            **measuring.columns(connection, ids),
        },
        _reused(connection, ids),
    )


def _of_cells(connection: Connection, batch_ids: Sequence[str]) -> dict[str, list[str | None]]:
    """Give notebook, cell and version before, one for each line: each batch is read once, and not with every clip."""
    statement = select(batches.c.id, batches.c.notebook, batches.c.cell_id, batches.c.previous)
    if len(batch_ids) <= _FEW:
        statement = statement.where(batches.c.id.in_(values_in(dict.fromkeys(batch_ids))))
    found = bare_columns(connection.execute(statement))
    at = {batch_id: number for number, batch_id in enumerate(found.pop("id"))}
    # One place past the end is what a clip has whose batch is not there.
    places = [at.get(batch_id, len(at)) for batch_id in batch_ids]
    return {
        name: [column[place] for place in places]
        for name, column in ((name, [*values, None]) for name, values in found.items())
    }


def _voted(connection: Connection, ids: Sequence[str]) -> dict[str, Sequence[int]]:
    """Give wins, losses and ties, one for each line."""
    found = voting.tallies(connection, ids) if ids else {}
    names = ("wins", "losses", "ties")
    if not found:
        return dict.fromkeys(names, (0,) * len(ids))
    counts = [found.get(clip_id, (0, 0, 0)) for clip_id in ids]
    return {name: [each[at] for each in counts] for at, name in enumerate(names)}


def _reused(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Count the times clips were shown again, and what that saved; seeking one by one only where they are few."""
    statement = select(events.c.clip_id, func.count(), func.sum(events.c.saved_micros))
    statement = statement.where(text("events.event = 'reused'")).group_by(events.c.clip_id)
    if len(ids) <= _FEW:
        statement = statement.where(events.c.clip_id.in_(values_in(ids)))
    found = bare_columns(connection.execute(statement)).values()
    return {clip_id: (count, saved) for clip_id, count, saved in zip(*found, strict=True)}


def places(connection: Connection, batch_id: str) -> list[Place]:
    """Read what a batch shows, place by place."""
    statement = select(batch_clips).where(batch_clips.c.batch_id == batch_id).order_by(batch_clips.c.position)
    return [Place(**fields_from(stored)) for stored in connection.execute(statement).mappings()]


def told(connection: Connection, clip_id: str) -> list[EventRow]:
    """Read what happened to a clip, oldest first."""
    statement = select(events).where(events.c.clip_id == clip_id).order_by(events.c.seq)
    return [EventRow(**fields_from(stored)) for stored in connection.execute(statement).mappings()]


def unsettled(connection: Connection, service: str, limit: int) -> list[ClipRow]:
    """Read finished rows whose cost no billing has told, oldest first."""
    # In these words SQLite recognises the condition of the index.
    open_bills = text(
        "prediction_id IS NOT NULL AND price_source IS NOT 'billing' AND status IN ('completed', 'failed')"
    )
    statement = select(clips).where(clips.c.service == service, open_bills).order_by(clips.c.seq).limit(limit)
    return [clip_row(stored) for stored in connection.execute(statement).mappings()]


def durations(
    connection: Connection, variant: str, service: str, limit: int, asked_s: float | None
) -> list[float]:
    """Read how long the last clips of a variant took, newest first, in seconds; see `Ledger.durations`."""
    statement = (
        select(
            clips.c.submitted_utc_ms,
            clips.c.generated_utc_ms,
            clips.c.execution_ms,
            clips.c.was_taken_over,
            clips.c.asked_duration_s,
        )
        .where(clips.c.service == service, clips.c.variant == variant, clips.c.generated_utc_ms.is_not(None))
        .order_by(clips.c.generated_utc_ms.desc())
        # Clips of another length among them; where they are all of one, the newest of those.
        .limit(limit if asked_s is None else limit * 3)
    )
    took: list[tuple[float, bool]] = []
    for submitted, generated, execution, was_taken_over, length_s in connection.execute(statement):
        ms = execution if was_taken_over or submitted is None else generated - submitted
        if ms is not None and ms >= 0:
            took.append((ms / 1000, asked_s is None or length_s == asked_s))
    same = [seconds for seconds, is_same in took if is_same]
    return (same if len(same) >= FEWEST_OF_LENGTH else [seconds for seconds, _ in took])[:limit]


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    statement = statement.where(*_conditions(wanted))
    if wanted.batch is not None:
        first = (
            select(batch_clips.c.clip_id, func.min(batch_clips.c.position).label("at"))
            .where(batch_clips.c.batch_id == wanted.batch)
            .group_by(batch_clips.c.clip_id)
            .subquery()
        )
        statement = statement.join(first, first.c.clip_id == clips.c.id).order_by(first.c.at)
    else:
        statement = statement.order_by(clips.c.seq.desc() if wanted.newest_first else clips.c.seq)
    return statement if wanted.limit is None else statement.limit(wanted.limit)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Put the filters into SQL; every list is one bound value, so any length works."""
    found: list[ColumnElement[bool]] = []
    for column, values in (
        (clips.c.id, wanted.ids),
        (clips.c.prediction_id, wanted.prediction_ids),
        (clips.c.variant, wanted.variants),
    ):
        if values is not None:
            found.append(column.in_(values_in(values)))
    # A plus before a column keeps SQLite from seeking by it: what is still out is a handful, to be found by
    # its index, but of a whole service's rows, or all completed ones, the newest are found by walking back
    # from the end.
    are_few = wanted.statuses is not None and not set(wanted.statuses) & set(FINAL)
    plus = "" if are_few else "+"
    if wanted.statuses is not None:
        found.append(literal_column(f"{plus}clips.status", Text).in_(tuple(sorted(wanted.statuses))))
    if wanted.service is not None:
        is_sought = are_few or wanted.prediction_ids is not None or wanted.request_hash is not None
        found.append(literal_column(f"{'' if is_sought else '+'}clips.service", Text) == wanted.service)
    exactly = (
        (clips.c.request_hash, wanted.request_hash),
        (clips.c.sha256, wanted.sha256),
        (clips.c.name, wanted.name),
    )
    found += [column == text for column, text in exactly if text is not None]
    if wanted.tag is not None:
        tags = func.json_each(clips.c.tags).table_valued("value")
        found.append(literal(wanted.tag).in_(select(tags.c.value)))
    if wanted.text is not None:
        found.append(clips.c.prompt.icontains(wanted.text, autoescape=True))
    if wanted.since is not None:
        found.append(clips.c.created_utc_ms >= to_ms(wanted.since))
    if wanted.until is not None:
        found.append(clips.c.created_utc_ms < to_ms(wanted.until))
    for axis, value in wanted.axes.items():
        pairs = func.json_each(clips.c.axes).table_valued("key", "value")
        values = (value,) if isinstance(value, str) else tuple(value)
        any_of = pairs.c.value.in_(values_in(values))
        found.append(select(literal(1)).where(pairs.c.key == axis, any_of).exists())
    cell = [
        column == value
        for column, value in ((batches.c.notebook, wanted.notebook), (batches.c.cell_id, wanted.cell_id))
        if value is not None
    ]
    if cell:
        found.append(clips.c.batch_id.in_(select(batches.c.id).where(and_(*cell))))
    return found
