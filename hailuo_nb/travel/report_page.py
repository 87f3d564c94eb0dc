"""A report as one HTML file: everything it shows is inside it, and nothing in it reaches for the network.

In come the facts of `hailuo_nb.travel.report_facts` and a way to read the clips that go inside; out go pieces of HTML,
one after the other, so that clips of many megabytes are never in memory together. Text of people, files and services is
only ever text. The page's own policy lets in no script, style or picture but those that stand in it, so that whoever
opens a report of somebody else runs nothing of theirs. Next: `hailuo_nb.travel.report` writes it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path

from hailuo_nb.analysis.places import Group
from hailuo_nb.analysis.words import brief, icon_for, plain, size_text, word_for
from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.variants import looks_like_model_id
from hailuo_nb.travel.report_facts import ClipFacts, Cost, Ranked, Ranking, Story

__all__ = ["GENERATOR", "pages"]

GENERATOR = "hailuo_nb report"
"""What every report says of itself, and no other file does."""

# MiniMax's general terms, which lead to those of each product (read 2026-11-26), and WaveSpeed's page of a model.
MINIMAX_TERMS = "https://www.minimax.io/terms-of-service-v2.html"
WAVESPEED_MODEL = "https://wavespeed.ai/models/"

_STATIC = Path(__file__).parent / "static"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FOLDED = 220
_WHISKER = 120

Read = Callable[[ClipFacts], Iterator[bytes]]


def pages(story: Story, read: Read, *, version: str, made: datetime | None = None) -> Iterator[str]:
    """Draw a report, piece by piece.

    Parameters
    ----------
    story : Story
        What it says.
    read : callable
        Gives a clip that goes inside as base64, in pieces.
    version : str
        Of this package.
    made : datetime, optional
        When the report was made; without it, the same clips always give the same report.
    """
    yield _head(story.title)
    yield _top(story)
    yield from _clips(story, read)
    yield _table(story)
    yield from map(_votes, story.rankings[:1])
    yield from map(_more_votes, story.rankings[1:])
    yield "</section>" if story.rankings else ""
    yield _costs(story.costs)
    yield _making(story, version, made)
    yield f"</main><script>{_script()}</script></body></html>\n"


def _head(title: str) -> str:
    """Begin the page, with the policy that shuts everything out."""
    policy = (
        f"default-src 'none'; img-src data:; media-src data:; style-src {_sum_of(_style())}; "
        f"script-src {_sum_of(_script())}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="generator" content="{GENERATOR}">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{_text(' '.join(title.split()))}</title><style>{_style()}</style></head><body><main>\n"
    )


@cache
def _style() -> str:
    """Give the style sheet without its comments; in one line, so that no checkout changes its sum."""
    text = (_STATIC / "report.css").read_text("utf-8")
    return " ".join(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).split())


@cache
def _script() -> str:
    """Give the script."""
    return "\n".join((_STATIC / "report.js").read_text("utf-8").splitlines())


def _sum_of(text: str) -> str:
    """Give the sum by which the page's policy knows its own style or script."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _top(story: Story) -> str:
    """Draw what stands above."""
    prompt = f'<p class="prompt">{_bdi(story.prompt)}</p>' if story.prompt else ""
    return f'<header><h1>{_bdi(story.title)}</h1><p class="headline">{_text(story.headline)}</p>{prompt}</header>\n'


def _clips(story: Story, read: Read) -> Iterator[str]:
    """Draw the clips where a person would put them."""
    yield '<section aria-labelledby="clips"><h2 id="clips">Clips</h2>\n'
    clips = {clip.key: clip for clip in story.clips}
    for group in story.layout.groups or (Group("", tuple(clips)),):
        yield f"<h3>{_bdi(group.head)}</h3>" if group.head else ""
        if group.rows:
            yield from _grid(group, clips.__getitem__, story, read)
        else:
            kind = " one" if len(clips) == 1 else ""
            yield f'<div class="flow{kind}">'
            for key in group.keys:
                yield from _tile(clips[key], story, read)
            yield "</div>\n"
    yield "</section>\n"


def _grid(group: Group, clip: Callable[[str], ClipFacts], story: Story, read: Read) -> Iterator[str]:
    """Draw a table with heads on both sides."""
    heads = "".join(f'<th scope="col">{_bdi(head)}</th>' for head in group.columns)
    most = max(len(keys) for row in group.rows for keys in row.cells) * len(group.columns)
    yield f'{_scroll("clips")}<table class="grid{" narrow" if most > 3 else ""}">'
    yield f"<thead><tr><td></td>{heads}</tr></thead><tbody>"
    for row in group.rows:
        yield f'<tr><th scope="row">{_bdi(row.head)}</th>'
        for head, keys in zip(group.columns, row.cells, strict=True):
            yield f'<td><div class="colhead">{_bdi(head)}</div><div class="takes">' if keys else "<td>"
            for key in keys:
                yield from _tile(clip(key), story, read)
            yield "</div></td>" if keys else "</td>"
        yield "</tr>"
    yield "</tbody></table></div>\n"


def _tile(clip: ClipFacts, story: Story, read: Read) -> Iterator[str]:
    """Draw one clip with what is said of it."""
    yield f'<figure id="{clip.key}">'
    yield from _frame(clip, read)
    said = story.layout.said.get(clip.key, "") or (
        "" if story.layout.groups else clip.row.name or clip.row.variant
    )
    yield f'<figcaption><div class="row"><span>{_bdi(said)}</span><span>{_text(clip.cost)}</span></div>'
    if (
        clip.row.prompt != story.prompt
        and not story.layout.groups
        and clip.axes.get("prompt", "") not in said
    ):
        yield f"<div>{_bdi(brief(clip.row.prompt, 160))}</div>"
    for line in (_opinion(clip), clip.row.note or ""):
        yield f"<div>{_bdi(line)}</div>" if line else ""
    yield f'<div class="quiet small">{_file(clip)}</div></figcaption></figure>\n'


def _frame(clip: ClipFacts, read: Read) -> Iterator[str]:
    """Fill a clip's place: the clip itself, its picture as the way to it, or why there is neither."""
    said = escape(plain(f"{clip.label}: {brief(clip.row.prompt)}"))
    media = clip.media
    if media.is_embedded:
        kind = "webm" if (clip.row.path or "").endswith(".webm") else "mp4"
        poster = f' poster="{_jpeg(media.poster)}"' if media.poster else ""
        yield (
            f'<div class="frame"><video controls loop muted playsinline preload="none" aria-label="{said}"{poster}'
            f' src="data:video/{kind};base64,'
        )
        for piece in read(clip):
            yield piece.decode("ascii")
        yield '"></video></div>'
    elif media.poster:
        image = f'<img src="{_jpeg(media.poster)}" alt="{said}">'
        if media.href:
            yield f'<a class="frame" href="{escape(media.href)}">{image}<span class="open">▶ opens the file</span></a>'
        else:
            yield f'<div class="frame">{image}</div>'
    else:
        yield f'<div class="frame"><div class="says">{_state(clip)}</div></div>'


def _state(clip: ClipFacts) -> str:
    """Say how a clip stands, with what went wrong."""
    word = word_for(clip.row.status)
    if word == "done":
        return "its file cannot be read" if clip.media.is_here else "its file is not here"
    kind = ' class="failed"' if word == "failed" else ""
    said = f"<span{kind}>{icon_for(word)}</span> {_text(word)}"
    return said + (f"<div>{_bdi(brief(clip.row.error, 240))}</div>" if clip.row.error else "")


def _opinion(clip: ClipFacts) -> str:
    """Say stars and votes in one line."""
    rating = clip.row.rating
    stars = "" if rating is None else "rejected" if rating == 0 else "★" * rating + "☆" * (5 - rating)
    return " · ".join(filter(None, [stars, _voted(clip.wins, clip.losses, clip.ties)]))


def _voted(wins: int, losses: int, ties: int) -> str:
    if not wins + losses + ties:
        return ""
    return f"{wins} won, {losses} lost" + (f", {ties} tied" if ties else "")


def _file(clip: ClipFacts) -> str:
    """Name the file, as a link where it can be reached from here."""
    if clip.row.status != "completed" or not clip.row.path:
        return ""
    name = _bdi(clip.row.path.rpartition("/")[2])
    return f'<a href="{escape(clip.media.href)}">{name}</a>' if clip.media.href else name


def _table(story: Story) -> str:
    """Draw the table of all clips."""
    axes = story.axis_names
    columns = [
        "",
        *(["prompt"] if len({clip.row.prompt for clip in story.clips}) > 1 else []),
        *axes,
        "variant",
    ]
    columns += ["take"] if any(clip.row.take > 1 for clip in story.clips) else []
    columns += ["state"] if any(clip.row.status != "completed" for clip in story.clips) else []
    columns += ["length", "size", "file", "cost", "made"]
    columns += ["opinion"] if any(_opinion(clip) or clip.row.note for clip in story.clips) else []
    heads = "".join(_th(name) for name in columns)
    rows = "".join(
        f"<tr>{''.join(_cell(name, clip, axes) for name in columns)}</tr>\n" for clip in story.clips
    )
    return (
        '<section aria-labelledby="all"><h2 id="all">All clips</h2>'
        f'{_scroll("all clips")}<table class="facts clips">'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div></section>\n"
    )


def _scroll(label: str) -> str:
    """Begin a place that scrolls sideways where it must, by keyboard too."""
    return f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(plain(label))}">'


def _th(name: str) -> str:
    return f'<th scope="col">{_bdi(name)}</th>' if name else "<td></td>"


def _cell(name: str, clip: ClipFacts, axes: Sequence[str]) -> str:
    """Draw one cell of the table of all clips."""
    row = clip.row
    if not name:
        image = f'<img src="{_jpeg(clip.media.thumb)}" alt="">' if clip.media.thumb else ""
        return f'<td><a class="thumb" href="#{clip.key}" aria-label="{escape(plain(clip.label))}">{image}</a></td>'
    if name == "prompt":
        return f'<td class="words">{_prompt(clip)}</td>'
    head = f' data-head="{escape(plain(name))}"'
    if name in axes:
        value = row.axes.get(name, "")
        short = ' class="n"' if len(value) <= 16 else ""
        return f"<td{short}{head}>{_bdi(value)}</td>"
    said, key = _fact(name, clip)
    sort = "" if key is None else f' data-v="{key:.15g}"'
    kind = "w" if name in ("opinion", "state", "cost", "made") else "n"
    return f'<td class="{kind}"{head}{sort}>{said}</td>' if said else "<td></td>"


def _fact(name: str, clip: ClipFacts) -> tuple[str, float | None]:
    """Give one fact as HTML, and by what it is sorted where that is not its text."""
    row = clip.row
    seconds = row.duration_s if row.duration_s is not None else row.asked_duration_s
    usd = row.cost_usd if row.cost_usd is not None else row.quote_usd
    facts: dict[str, tuple[str, float | None]] = {
        "variant": (_text(row.variant), None),
        "take": (str(row.take), row.take),
        "state": (_state(clip) if row.status != "completed" else f"{icon_for('done')} done", None),
        "length": (f"{seconds:.4g} s" if seconds else "", seconds),
        "size": (f"{row.width} × {row.height}" if row.width and row.height else "", row.width),
        "file": (size_text(row.bytes) if row.bytes else "", row.bytes),
        "cost": (_text(clip.cost), None if usd is None else float(usd)),
        "made": (_moment(row.created_utc), row.created_utc.timestamp()),
        "opinion": (_lines(_opinion(clip), row.note or ""), row.rating),
    }
    return facts[name]


def _lines(*texts: str) -> str:
    return "<br>".join(_bdi(text) for text in texts if text)


def _prompt(clip: ClipFacts) -> str:
    """Write a prompt with what differs marked; a long one in two lines, and all of it on demand and on paper."""
    text = clip.row.prompt
    whole = _marked(text, clip.row.axes.values())
    if len(text) <= _FOLDED:
        return whole
    return (
        f"<details data-short><summary>{_bdi(brief(text, 160))}</summary>"
        f'<div class="whole">{whole}</div></details>'
    )


def _marked(text: str, values: Iterable[str]) -> str:
    """Mark each value that stands in a text exactly once."""
    wanted = [value for value in dict.fromkeys(values) if value.strip() and text.count(value) == 1]
    places = sorted((text.index(value), -len(value), value) for value in wanted)
    parts, at = [], 0
    for start, _, value in places:
        if start >= at:
            parts += [_text(text[at:start]), f"<mark>{_text(value)}</mark>"]
            at = start + len(value)
    return f"<bdi>{''.join(parts)}{_text(text[at:])}</bdi>"


def _votes(ranking: Ranking) -> str:
    """Begin what was voted."""
    return '<section aria-labelledby="votes"><h2 id="votes">Votes</h2>' + _more_votes(ranking)


def _more_votes(ranking: Ranking) -> str:
    """Draw one ranking."""
    low = min((line.low for line in ranking.lines if line.low is not None), default=0.0)
    high = max((line.high for line in ranking.lines if line.high is not None), default=0.0)
    votes = "1 vote" if ranking.votes == 1 else f"{ranking.votes} votes"
    notes = "".join(f"<p>{_bdi(note)}</p>" for note in ranking.notes)
    rows = "".join(_ranked(line, low, high, ranking) for line in ranking.lines)
    heads = "".join(_th(name) for name in ("rank", ranking.by, "score", "votes", *ranking.priced, "how sure"))
    return (
        f'<h3>By {_bdi(ranking.by)}, {votes}</h3>{notes}{_scroll(f"votes by {ranking.by}")}<table class="facts">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n"
    )


def _ranked(line: Ranked, low: float, high: float, ranking: Ranking) -> str:
    """Draw one line of a ranking."""
    name = f'<a href="#{line.clip}">{_bdi(line.name)}</a>' if line.clip else _bdi(line.name)
    cost = "" if line.cost_usd is None else _money(f"${line.cost_usd:.2f}", is_simulated=ranking.is_simulated)
    cost = f'<td class="n">{cost}</td>' if ranking.priced else ""
    return (
        f'<tr><td class="n">{"–" if line.rank is None else line.rank}</td><th scope="row">{name}</th>'
        f"<td>{_whisker(line, low, high)}</td>"
        f'<td class="n">{_voted(line.wins, line.losses, line.ties)}</td>{cost}'
        f"<td>{_bdi(line.says)}</td></tr>"
    )


def _whisker(line: Ranked, low: float, high: float) -> str:
    """Draw a score with its interval, on one scale for all lines."""
    if line.score is None:
        return ""
    first = line.score if line.low is None else line.low
    last = line.score if line.high is None else line.high
    wide = (max(high, last) - min(low, first)) or 1.0
    a, b, c, zero = (
        round(4 + (value - min(low, first)) / wide * (_WHISKER - 8), 1)
        for value in (first, last, line.score, 0.0)
    )
    said = f"{line.score:+.2f}, between {first:+.2f} and {last:+.2f}"
    return (
        f'<svg class="whisker" width="{_WHISKER}" height="20" role="img" aria-label="{said}"><title>{said}</title>'
        f'<line class="mid" x1="{zero}" x2="{zero}" y1="2" y2="18"/><line x1="{a}" x2="{b}" y1="10" y2="10"/>'
        f'<circle cx="{c}" cy="10" r="4"/></svg>'
    )


def _costs(costs: Sequence[Cost]) -> str:
    """Draw what each variant cost; simulated dollars have lines and a sum of their own."""
    heads = "".join(map(_th, ("variant", "clips", "cost", "a clip", "took")))
    rows = []
    for is_simulated in (False, True):
        mine = [cost for cost in costs if cost.is_simulated == is_simulated]
        rows += [_cost(cost) for cost in mine]
        if len(mine) > 1:
            total = sum((cost.usd for cost in mine), start=mine[0].usd * 0)
            rows.append(
                f'<tr><th scope="row">{"all simulated" if is_simulated else "all"}</th>'
                f'<td class="n">{sum(cost.clips for cost in mine)}</td>'
                f'<td class="n">{_money(usd_text(total), is_simulated=is_simulated)}</td><td></td><td></td></tr>'
            )
    return (
        '<section aria-labelledby="costs"><h2 id="costs">Costs</h2>'
        f'{_scroll("costs")}<table class="facts">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>\n"
    )


def _cost(cost: Cost) -> str:
    known = cost.clips - cost.unknown
    each = _money(usd_text(cost.usd / known), is_simulated=cost.is_simulated) if known and cost.usd else ""
    done = f"{cost.clips}" if cost.done == cost.clips else f"{cost.clips}, {cost.done} done"
    unknown = f", {cost.unknown} not known" if cost.unknown else ""
    time = "" if cost.run_s is None else f"{cost.run_s:.3g} s"
    return (
        f'<tr><td>{_text(cost.variant)}</td><td class="n">{done}</td>'
        f'<td class="n">{_money(usd_text(cost.usd), is_simulated=cost.is_simulated)}{unknown}</td>'
        f'<td class="n">{each}</td><td class="n">{time}</td></tr>'
    )


def _money(said: str, *, is_simulated: bool) -> str:
    return f"simulated {_text(said)}" if is_simulated else _text(said)


def _making(story: Story, version: str, made: datetime | None) -> str:
    """Say how the clips were made, and under whose terms."""
    facts = [("made with", f"hailuo_nb {_text(version)}")]
    models = dict.fromkeys(clip.row.model_id for clip in story.clips)
    facts.append(("models", ", ".join(f"<code>{_text(model)}</code>" for model in models)))
    if story.first and story.last:
        days = dict.fromkeys((_day(story.first), _day(story.last)))
        facts.append(("clips of", " to ".join(days)))
    inside = sum(clip.media.is_embedded for clip in story.clips)
    done = sum(clip.row.status == "completed" for clip in story.clips)
    facts.append(
        (
            "in this file",
            "every clip" if inside == done else f"{inside} of {done} clips; the others as pictures",
        )
    )
    facts += [("report of", _moment(made))] if made else []
    facts.append(
        ("recipes", "each MP4 holds what it was made from: <code>hn.read_recipe(&quot;clip.mp4&quot;)</code>")
    )
    if story.taken_out:
        texts = "1 text" if story.taken_out == 1 else f"{story.taken_out} texts"
        facts.append(("taken out", f"keys, home paths or signed addresses, of {texts}"))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        f'<section aria-labelledby="making"><h2 id="making">How these were made</h2><dl>{listed}</dl>'
        f"{_terms(story, list(models))}</section>\n"
    )


def _terms(story: Story, models: Sequence[str]) -> str:
    """Say whose terms hold for the clips, and where they are."""
    simulated = sum(clip.is_simulated for clip in story.clips)
    said = ""
    if simulated:
        which = "These clips are" if simulated == len(story.clips) else f"{simulated} of these clips are"
        said = f"<p>{which} simulated: drawn on one's own machine, by no model, for nothing.</p>"
    named = [model for model in models if looks_like_model_id(model)]
    pages = ", ".join(_link(WAVESPEED_MODEL + model, model) for model in named)
    terms = _link(MINIMAX_TERMS, "MiniMax's terms") if any(m.startswith("minimax/") for m in named) else ""
    real = "What may be done with real clips" if simulated else "What may be done with these clips"
    where = " and ".join(
        filter(None, [terms, f"the page of each model at WaveSpeed: {pages}" if pages else ""])
    )
    said += f"<p>{real} is said by the terms of whoever made the model; see {where}.</p>" if where else ""
    return f'<h3 id="terms">Terms</h3>{said}' if said else ""


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{_text(text)}</a>'


def _moment(moment: datetime) -> str:
    """Write a time so that it means the same wherever it is read."""
    at = moment.astimezone(UTC)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{_day(at)}, {at:%H:%M}\N{NO-BREAK SPACE}UTC</time>'


def _day(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return "\N{NO-BREAK SPACE}".join((str(at.day), _MONTHS[at.month - 1], str(at.year)))


def _jpeg(picture: bytes) -> str:
    return "data:image/jpeg;base64," + b64encode(picture).decode("ascii")


def _text(text: str) -> str:
    """Make text that stays text."""
    return escape(plain(text))


def _bdi(text: str) -> str:
    """Make text that cannot turn the direction of what is beside it."""
    return f"<bdi>{_text(text)}</bdi>" if text else ""
