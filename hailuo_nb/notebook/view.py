"""What a card shows, as plain frozen data.

In come facts of jobs, already words: the magics fill a :class:`ClipView` for each place in the cell and one
:class:`CardView` around them. Out goes the same data in three forms: to :mod:`hailuo_nb.notebook.card` for
the live widget, to :mod:`hailuo_nb.notebook.twin` for the static HTML beside it, and to both as short texts.
Nothing here knows IPython, a widget or a job, so every sentence on a card can be tested without any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from hailuo_nb.analysis.places import Group, Row, layout
from hailuo_nb.analysis.words import (
    brief,
    cut,
    file_src,
    icon_for,
    plain,
    safe_src,
    size_text,
    word_for,
)

__all__ = [
    "Action",
    "CardView",
    "ClipView",
    "Confirm",
    "Earlier",
    "Group",
    "Row",
    "Word",
    "about_text",
    "arrange",
    "brief",
    "clock",
    "counts_of",
    "counts_text",
    "cut",
    "date_text",
    "file_src",
    "icon_for",
    "moment_text",
    "plain",
    "progress_text",
    "safe_src",
    "size_text",
    "usual_text",
    "word_for",
]

FINAL_STATUSES = frozenset({"completed", "failed", "cancelled", "abandoned"})
"""Statuses after which a clip changes only when somebody asks."""

WIDE_BRIEF = 160
"""Characters of two lines where a prompt has the width of a whole card."""

_NOT_SENT = (
    *("axes", "is_said", "id", "prediction_id", "variant", "is_simulated", "is_cached", "height"),
    *("error", "hint", "cached_note", "cost_note", "note"),
)
"""What the front end gets in words, or has no use for."""

TABLE_ABOVE = 24
"""More clips than this are a compact table instead of a grid."""


@dataclass(frozen=True)
class Action:
    """One thing a person can do with a clip or a card.

    Parameters
    ----------
    name : str
        What comes back from the front end, for example ``"retry"``.
    label : str
        What the button says, with the price where it costs: ``"New take $0.49"``.
    is_enabled : bool
        Whether it can be pressed now.
    title : str
        What hovering says.
    command : str
        What to run instead where no kernel hears a button: ``"%hailuo retry 3f2a"``; of a clip that is here,
        the cell's option for one more, ``"--takes 2"``. The static twin shows it.
    sum : str
        The price that pressing it agrees to; it comes back with the press.
    """

    name: str
    label: str
    is_enabled: bool = True
    title: str = ""
    command: str = ""
    sum: str = ""


@dataclass(frozen=True)
class Word:
    """A piece of a prompt that was compared with another one.

    Parameters
    ----------
    text : str
        As it stands there, spaces included.
    is_changed : bool
        Whether the other prompt has something else in its place.
    """

    text: str
    is_changed: bool = False


@dataclass(frozen=True)
class Earlier:
    """What the cell showed before its text was changed.

    Parameters
    ----------
    line : str
        ``"previous version, 25 Nov 14:02 · $0.98 · 2 words changed"``.
    title : str
        The exact time, for whoever hovers.
    was, now : tuple of Word
        Both texts, with what changed marked.
    clips : tuple of ClipView
        Its clips; keys begin with ``p``.
    more : str
        What is left out here, and how to see it.
    """

    line: str
    title: str = ""
    was: tuple[Word, ...] = ()
    now: tuple[Word, ...] = ()
    clips: tuple[ClipView, ...] = ()
    more: str = ""


@dataclass(frozen=True)
class Confirm:
    """The question before money is spent.

    Parameters
    ----------
    label : str
        What the button says: ``"Generate · $2.24"``.
    sum : str
        The sum that is confirmed; it comes back with the answer, so that a changed sum confirms nothing.
    """

    label: str
    sum: str


@dataclass(frozen=True)
class ClipView:
    """One place on a card.

    Parameters
    ----------
    key : str
        Stable place in the cell (``"0"``, ``"1"`` ...).
    id : str
        Short job id; not shown headless.
    name, file : str
        The clip's name, and its path as shown (``"hailuo/clips/fox-3f2a91c0-t1.mp4"``).
    src : str
        The same as an URL relative to the notebook (see :func:`file_src`), empty when not known.
    variant, caption, label, prompt : str
        ``caption`` says what differs from its neighbours and no head says, ``label`` all that differs;
        :func:`arrange` fills both from `axes`.
    status, word : str
        The contract's word, and the one for people (see :func:`word_for`).
    started_ms : int or None
        When it was sent, in milliseconds since 1970; the front end counts on from there by itself.
    elapsed_s : float or None
        How long it took, once it is over.
    typical_s : tuple of float or None
        From and to, in seconds.
    price, cost_note : str
        ``"$0.49"``, and a sentence about it where one is needed: ``"quoted $0.49, not billed yet"``.
    is_simulated, is_cached : bool
        Made by the simulator; already on disk when the cell ran.
    cached_note : str
        ``"made 3 Nov, not paid again"``.
    width, height : int
        Of the picture, in pixels; 0 when not known.
    error, hint : str
        What went wrong, in one line; whether it was billed and what to do.
    prediction_id : str
        Id at the service, shown on demand.
    note : str
        What is odd but no failure, for example another size than promised.
    actions : tuple of Action
        Buttons of this clip.
    is_said : bool
        Whether its prompt can be read elsewhere: in a head, its caption, or a template above with its values.
    axes : mapping of str to str
        Everything that may differ between clips, in the order to say it: variant, length, prompt axes, take.
    """

    key: str
    id: str = ""
    name: str = ""
    file: str = ""
    src: str = ""
    variant: str = ""
    caption: str = ""
    label: str = ""
    prompt: str = ""
    status: str = "planned"
    word: str = "planned"
    started_ms: int | None = None
    elapsed_s: float | None = None
    typical_s: tuple[float, float] | None = None
    price: str = ""
    cost_note: str = ""
    is_simulated: bool = False
    is_cached: bool = False
    cached_note: str = ""
    width: int = 0
    height: int = 0
    error: str = ""
    hint: str = ""
    prediction_id: str = ""
    note: str = ""
    actions: tuple[Action, ...] = ()
    is_said: bool = False
    axes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.status in FINAL_STATUSES

    @property
    def title(self) -> str:
        """Everything that tells it from the others, in words; where nothing does, its name."""
        return self.label or self.caption or self.name

    @property
    def why(self) -> str:
        """What its frame says as long as there is nothing to play: what went wrong, else what it waits for."""
        return "" if self.word == "done" else self.error or self.hint

    @property
    def remarks(self) -> list[str]:
        """What is to be said about it besides its caption, price, file and prompt."""
        return [text for text in (self.error, self.hint, self.cached_note, self.cost_note, self.note) if text]

    @property
    def facts(self) -> str:
        """Ids and measures, for who asks."""
        parts = [
            self.id and f"job {self.id}",
            self.prediction_id and f"prediction {self.prediction_id}",
            self.status,
            f"{self.width} x {self.height}" if self.width and self.height else "",
            f"took {clock(self.elapsed_s)}" if self.elapsed_s else "",
        ]
        return " · ".join(part for part in parts if part)

    def to_dict(
        self, *, is_alone: bool = False, is_row: bool = False, is_simulated: bool = False
    ) -> dict[str, Any]:
        """Give the clip as the front end needs it: JSON-able, without what is empty.

        Parameters
        ----------
        is_alone : bool
            Whether its card has no other: then more of the prompt fits two lines.
        is_row : bool
            Whether it is one of so many that its frame has no room for words.
        is_simulated : bool
            Whether all of its card is.
        """
        data: dict[str, Any] = _slim(self)
        for name in _NOT_SENT:
            data.pop(name, None)
        price = f"simulated {plain(self.price)}" if is_simulated or self.is_simulated else plain(self.price)
        data |= {"facts": plain(self.facts), "price": price.strip()}
        for action in data.get("actions", ()):
            action.pop("command", None)
        if self.is_said:
            data["copy"] = cut(self.prompt)
            data.pop("prompt", None)
        else:
            data |= _prompt_of(self.prompt, WIDE_BRIEF if is_alone else 96)
        data["icon"] = icon_for(self.word)
        if not self.is_final and self.status != "unconfirmed":
            data["usual"] = usual_text(self.typical_s)
        data["is_final"] = self.is_final
        why = "" if is_row else self.why
        if why:
            data["why"] = plain(why)
        if lines := [plain(text) for text in self.remarks if text != why]:
            data["lines"] = lines
        return data


@dataclass(frozen=True)
class CardView:
    """Everything one cell shows.

    Parameters
    ----------
    batch : str
        The batch's id; the widget finds its static twin by it.
    clips : tuple of ClipView
        One for each place.
    shared : str
        What all clips share besides the prompt: ``"t2v-pro · 6 s · 1080p"``.
    prompt : str
        The prompt, where all clips have the same; or what they were made from, with its axes.
    headline : str
        The quote line.
    is_simulated : bool
        Whether the simulator makes these clips.
    is_headless : bool
        Whether to show only what is the same in every run.
    note : str
        One line about limits, confirmation, resuming, a busy kernel.
    confirm : Confirm or None
        The question to be answered before anything is sent.
    actions : tuple of Action
        Buttons for the whole batch.
    groups : tuple of Group
        Where each clip stands; empty for one flow of all.
    until_ms : int or None
        When all is likely to be done, in milliseconds since 1970; the front end counts down to it by itself.
    pace : str
        What the time left hangs on where that is the account's limit: ``"at 2 a minute (bronze)"``.
    earlier : Earlier or None
        What the cell showed before its text was changed.
    is_over : bool
        Whether the saved notebook holds the static card by now, whatever the front end still shows.
    """

    batch: str
    clips: tuple[ClipView, ...] = ()
    shared: str = ""
    prompt: str = ""
    headline: str = ""
    is_simulated: bool = False
    is_headless: bool = False
    note: str = ""
    confirm: Confirm | None = None
    actions: tuple[Action, ...] = ()
    groups: tuple[Group, ...] = ()
    until_ms: int | None = None
    pace: str = ""
    earlier: Earlier | None = None
    is_over: bool = False

    @property
    def is_final(self) -> bool:
        """Whether every clip is."""
        return self.confirm is None and all(clip.is_final for clip in self.clips)

    @property
    def is_table(self) -> bool:
        """Whether there are so many clips that a compact table shows them."""
        return len(self.clips) > TABLE_ABOVE

    def to_dict(self) -> dict[str, Any]:
        """Give the card as JSON-able data: the widget's one trait."""
        data: dict[str, Any] = _slim(self)
        is_alone, is_row, is_simulated = len(self.clips) == 1, self.is_table, self.is_simulated
        data["clips"] = [
            clip.to_dict(is_alone=is_alone, is_row=is_row, is_simulated=is_simulated) for clip in self.clips
        ]
        said = ["simulated" if is_simulated else "", data.pop("headline", ""), data.pop("shared", "")]
        data["line"] = " · ".join(part for part in said if part)
        data["is_final"] = self.is_final
        data["is_table"] = self.is_table
        data["counts"] = counts_text(self.clips)
        data |= _prompt_of(self.prompt, WIDE_BRIEF)
        for clip in data["clips"]:
            if self.prompt and clip.get("prompt") == data["prompt"]:
                clip.pop("prompt")
                clip.pop("brief", None)
                clip.pop("copy", None)
        if self.earlier is not None:
            data["earlier"]["clips"] = [
                clip.to_dict(is_simulated=is_simulated) for clip in self.earlier.clips
            ]
        return data


def _prompt_of(prompt: str, width: int) -> dict[str, str]:
    """Give a prompt and, where it is long, its first two lines; what no service takes is cut."""
    if not prompt:
        return {}
    short, whole = brief(prompt, width), cut(prompt)
    said = {"prompt": plain(whole)} if short == prompt else {"prompt": plain(whole), "brief": plain(short)}
    # Whoever copies it gets what was sent, with what is not shown.
    return said if said["prompt"] == whole else said | {"copy": whole}


def _slim(view: Any) -> Any:
    """Turn dataclasses into dicts without empty values, and tuples into lists."""
    if isinstance(view, str):
        return plain(view)
    if view is None or isinstance(view, int | float):
        return view
    names = _names_of(view.__class__)
    if names:
        pairs = ((name, getattr(view, name)) for name in names)
        return {
            name: _slim(value)
            for name, value in pairs
            if value is not None and value != "" and value is not False and value != ()
        }
    if isinstance(view, Mapping):
        return {str(name): _slim(value) for name, value in view.items()}
    if isinstance(view, tuple | list):
        return [_slim(value) for value in view]
    return view


@cache
def _names_of(kind: Hashable) -> tuple[str, ...]:
    """Give the fields of a dataclass; looked up for each of a hundred clips, they took half of a card's time."""
    return tuple(item.name for item in fields(kind)) if is_dataclass(kind) else ()


def arrange(card: CardView) -> CardView:
    """Say once what all clips share, give each its place, and name on each what no head says.

    A hint that all have is lifted only when nothing moves any more.

    Parameters
    ----------
    card : CardView
        With clips whose ``axes`` hold everything that may differ.

    Returns
    -------
    CardView
        With ``shared``, ``prompt``, ``groups`` and every ``caption`` and ``label`` filled in, where they were empty.
    """
    clips = card.clips
    if not clips:
        return card
    is_one = len(clips) == 1
    found = layout([(clip.key, clip.axes) for clip in clips], is_flat=card.is_table)
    if is_one:
        captioned = tuple(
            replace(clip, caption=clip.caption or " · ".join(filter(None, [clip.name, *found.common])))
            for clip in clips
        )
    else:
        # Where heads say everything, a name that all have would only be repeated.
        has_heads = bool(found.groups) and len({clip.name for clip in clips}) == 1
        captioned = tuple(
            replace(
                clip,
                caption=clip.caption or found.said[clip.key] or ("" if has_heads else clip.name),
                label=clip.label or found.labels[clip.key],
            )
            for clip in clips
        )
    captioned = tuple(clip if clip.is_said else _unrepeated(clip) for clip in captioned)
    prompts = {clip.prompt for clip in clips}
    hints = {clip.hint for clip in clips}
    if card.is_final and not is_one and len(hints) == 1 and not any(clip.error for clip in clips):
        card = replace(card, note=" ".join(filter(None, [card.note, *hints])))
        captioned = tuple(replace(clip, hint="") for clip in captioned)
    return replace(
        card,
        clips=captioned,
        groups=found.groups,
        shared=card.shared or ("" if is_one else " · ".join(found.common)),
        prompt=card.prompt or (prompts.pop() if len(prompts) == 1 and not is_one else ""),
    )


def _unrepeated(clip: ClipView) -> ClipView:
    """Say a prompt by which clips are told apart once: in the caption where it fits, else below."""
    asked = clip.axes.get("prompt", "")
    if not asked or asked not in clip.caption:
        return clip
    if asked == clip.prompt:
        return replace(clip, is_said=True)
    rest = [part for part in clip.caption.split(" · ") if part != asked]
    return replace(clip, caption=" · ".join(rest) or clip.name)


def clock(seconds: float) -> str:
    """Write a time that passes: ``12 s``, ``1:05``, ``1:02:05``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def usual_text(typical_s: tuple[float, float] | None) -> str:
    """Say how long it usually takes: ``usually 40-70 s``, ``usually 2-3 min``; empty when not known."""
    if typical_s is None:
        return ""
    low, high = typical_s
    if high < 1.5:
        return "usually about 1 s"
    unit, scale = ("min", 60) if high > 100 else ("s", 1)
    first, last = max(1, round(low / scale)), max(1, round(high / scale))
    return f"usually {first} {unit}" if first >= last else f"usually {first}-{last} {unit}"


def progress_text(clip: ClipView, now_ms: int | None = None) -> str:
    """Say where an unfinished clip is: ``working · 12 s · usually 40-70 s``."""
    if clip.status == "unconfirmed":
        return clip.word  # nobody knows whether it is on its way
    parts = [clip.word]
    if now_ms is not None and clip.started_ms is not None:
        elapsed = (now_ms - clip.started_ms) / 1000
        parts.append(clock(elapsed))
        if clip.typical_s is not None and elapsed > clip.typical_s[1]:
            parts.append("longer than usual")
    if usual := usual_text(clip.typical_s):
        parts.append(usual)
    return " · ".join(parts)


def moment_text(moment: datetime, now: datetime | None = None) -> str:
    """Write date and time: ``25 Nov 14:02``."""
    return f"{date_text(moment, now)} {moment.astimezone():%H:%M}"


def about_text(seconds: float) -> str:
    """Say roughly how long something takes: ``about 15 s``, ``about 50 min``; nobody knows it to the second."""
    if seconds > 100:
        return f"about {-int(-seconds // 60)} min"
    return f"about {max(5, -int(-seconds // 5) * 5)} s"


def date_text(moment: datetime, now: datetime | None = None) -> str:
    """Write a date as local people do: ``3 Nov``, and ``3 Nov 2024`` for another year."""
    local = moment.astimezone()
    year = (now or datetime.now().astimezone()).astimezone().year
    text = f"{local.day} {local:%b}"
    return text if local.year == year else f"{text} {local.year}"


def counts_of(clips: Sequence[ClipView]) -> dict[str, int]:
    """Count the clips by word."""
    return dict(Counter(clip.word for clip in clips))


def counts_text(clips: Sequence[ClipView]) -> str:
    """Say how far a card is, for people and screen readers: ``3 of 8 done, 1 failed``."""
    counts = counts_of(clips)
    done = counts.get("done", 0)
    parts = ["done" if done == len(clips) == 1 else f"{done} of {len(clips)} done"]
    parts += [
        f"{counts[word]} {word}"
        for word in ("failed", "unconfirmed", "cancelled", "abandoned")
        if word in counts
    ]
    return ", ".join(parts)
