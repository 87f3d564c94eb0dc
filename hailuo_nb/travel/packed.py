"""One clip, one vote and one pack as plain data, and every rule that such data must keep.

In comes a ledger row, or what a stranger's file says; out goes JSON-able data, or the checked `ForeignClip` that the
ledger takes in. What is written here is read here: a row that the reader would refuse is left out by the writer. Next:
`hailuo_nb.travel.pack` and `hailuo_nb.travel.unpack`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from hailuo_nb.catalog.request import hash_of_kept
from hailuo_nb.ledger.importing import ForeignBallot, ForeignClip, ForeignVote
from hailuo_nb.ledger.rows import BallotRow, ClipRow, NewClip, VoteRow
from hailuo_nb.ledger.voting import ANSWERS

FORMAT, VERSION = "hailuo-pack", 1
MANIFEST, LETTER, CLIPS = "hailuo-pack.json", "README.txt", "clips/"
MOST_CLIPS = 5_000
MOST_VOTES = 200_000
LONGEST_TEXT = 100_000
LONGEST_LABEL = 1_000
MOST_INPUT_BYTES = 400_000
DEEPEST = 16
SERVICES = frozenset({"wavespeed", "simulator"})
_FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,140}\.mp4")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BALLOT_ID = re.compile(r"v[0-9a-f]{10}")
# Tab and line feed are part of prompts; nothing else that a terminal or a page would obey is.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Fault(ValueError):
    """What is wrong with one value; the message says so in a few words."""


@dataclass(frozen=True)
class PackedClip:
    """A clip of a pack, checked.

    Attributes
    ----------
    file : str
        The name of its file in the pack's ``clips``.
    bytes : int
        How large that file says it is.
    clip : ForeignClip
        What the ledger takes in.
    """

    file: str
    bytes: int
    clip: ForeignClip


# -- out ---------------------------------------------------------------------------------------------------------------

_TEXTS = ("prompt", "prompt_template", "variant", "image", "name", "note")
_AS_IS = ("take", "attempt", "service", "request_hash", "prediction_id", "rating", "execution_ms")
_MONEY = ("quote_usd", "cost_usd")
_SOURCES = ("quote_source", "quote_as_of", "price_source")
_TIMES = ("created_utc", "submitted_utc", "finished_utc")


def plain_clip(row: ClipRow, file: str, sha256: str, size: int) -> dict[str, Any]:
    """Give a row as a pack holds it: no address, no key's fingerprint, no kernel, no path."""
    told: dict[str, Any] = {name: getattr(row, name) for name in (*_AS_IS, *_TEXTS, *_SOURCES)}
    told |= {name: None if (usd := getattr(row, name)) is None else str(usd) for name in _MONEY}
    told |= {name: None if (at := getattr(row, name)) is None else at.isoformat() for name in _TIMES}
    told |= {
        "model": row.model_id,
        "axes": dict(row.axes),
        "inputs": dict(row.inputs),
        "tags": list(row.tags),
    }
    told |= {"asked_duration_s": row.asked_duration_s, "file": file, "sha256": sha256, "bytes": size}
    return told


def plain_ballot(
    ballot: BallotRow, votes: Sequence[VoteRow], keys: Mapping[str, str]
) -> dict[str, Any] | None:
    """Give a ballot with the votes between packed clips; None where there are none."""
    kept = [vote for vote in votes if vote.left_clip in keys and vote.right_clip in keys]
    if not kept:
        return None
    compared = ballot.compared.get("clips", ())
    return {
        "id": ballot.id,
        "seed": ballot.seed,
        "by": str(ballot.compared.get("by", "clip")),
        "across": ballot.compared.get("across") is True,
        "clips": sorted(keys[clip_id] for clip_id in compared if clip_id in keys),
        "created_utc": ballot.created_utc.isoformat(),
        "votes": [
            {
                "left": keys[vote.left_clip],
                "right": keys[vote.right_clip],
                "answer": vote.answer,
                "voted_utc": vote.voted_utc.isoformat(),
                "voter": vote.voter,
                "took_ms": vote.took_ms,
            }
            for vote in kept
        ],
    }


# -- in ----------------------------------------------------------------------------------------------------------------


def loaded(data: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object that a stranger wrote: no NaN, no name twice, not nested without end.

    Raises
    ------
    Fault
        It is none.
    """
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, Fault) else "broken or nested too deeply"
        raise Fault(f"{what} is no JSON that can be read ({reason})") from None
    if not isinstance(found, dict) or _depth(found) > DEEPEST:
        raise Fault(f"{what} is no JSON object, or is nested too deeply")
    return found


def clip_of(told: object) -> PackedClip:
    """Check what a pack says of one clip.

    Raises
    ------
    Fault
        Naming the value.
    """
    if not isinstance(told, dict):
        raise Fault("a clip is no JSON object")
    read = _Reader(told)
    file = read.text("file", 150)
    if not _FILE.fullmatch(file) or _DEVICE.fullmatch(file):
        raise Fault(f"{shown(file)} cannot be a clip's file")
    service = read.text("service", 20)
    if service not in SERVICES:
        raise Fault(f"{shown(service)} is no service")
    inputs, model = read.mapping("inputs"), read.text("model", LONGEST_LABEL)
    claimed, prediction = read.digest("request_hash"), read.optional_text("prediction_id", 200)
    new = NewClip(
        service=service,
        request_hash=_request_hash(claimed, model, inputs, prediction),
        variant=read.text("variant", LONGEST_LABEL),
        model_id=model,
        prompt=read.text("prompt", LONGEST_TEXT, lines=True, least=0),
        take=read.whole("take", 1, 999_999),
        prompt_template=read.optional_text("prompt_template", LONGEST_TEXT, lines=True),
        axes=read.texts("axes"),
        inputs=inputs,
        image=read.optional_text("image", LONGEST_LABEL),
        quote_usd=read.usd("quote_usd"),
        quote_source=read.optional_text("quote_source", 40),
        quote_as_of=read.optional_text("quote_as_of", 40),
        duration_s=read.number("asked_duration_s"),
        name=read.optional_text("name", LONGEST_LABEL),
        tags=read.labels("tags"),
    )
    attempt, size = read.whole("attempt", 1, 999_999), read.whole("bytes", 1, 2**40)
    columns = {
        "cost_usd": read.usd("cost_usd"),
        "price_source": read.optional_text("price_source", 40),
        "created_utc": read.moment("created_utc"),
        "submitted_utc": read.optional(read.moment, "submitted_utc"),
        "finished_utc": read.optional(read.moment, "finished_utc"),
        "execution_ms": read.optional(lambda name: read.whole(name, 0, 10**10), "execution_ms"),
        "rating": read.optional(lambda name: read.whole(name, 0, 5), "rating"),
        "note": read.optional_text("note", LONGEST_TEXT, lines=True),
        "sha256": read.digest("sha256"),
        "bytes": size,
    }
    key = f"{service}:{claimed}:t{new.take}:a{attempt}"
    return PackedClip(file, size, ForeignClip(key, new, attempt, columns))


def asked_in(told: object) -> NewClip:
    """Check what a recipe asks for; a stranger may have written it.

    Raises
    ------
    Fault
        Naming the value.
    """
    if not isinstance(told, dict):
        raise Fault("it is no JSON object")
    read = _Reader(told)
    return NewClip(
        service=read.text("service", 20),
        request_hash=read.digest("request_hash"),
        variant=read.text("variant", LONGEST_LABEL),
        model_id=read.text("model", LONGEST_LABEL),
        prompt=read.text("prompt", LONGEST_TEXT, lines=True, least=0),
        take=read.whole("take", 1, 999_999),
        axes=read.texts("axes"),
        inputs=read.mapping("inputs"),
        name=read.optional_text("name", LONGEST_LABEL),
    )


def ballot_of(told: object) -> ForeignBallot:
    """Check what a pack says of one ballot."""
    if not isinstance(told, dict):
        raise Fault("a ballot is no JSON object")
    read = _Reader(told)
    votes = told.get("votes")
    if not isinstance(votes, list) or len(votes) > MOST_VOTES:
        raise Fault("a ballot holds no votes, or too many")
    ballot_id, across = read.text("id", 20), told.get("across")
    if not _BALLOT_ID.fullmatch(ballot_id) or not isinstance(across, bool):
        raise Fault("a ballot has no id of ours")
    return ForeignBallot(
        id=ballot_id,
        seed=read.whole("seed", 0, 2**62),
        by=read.text("by", LONGEST_LABEL),
        across=across,
        clips=read.labels("clips", MOST_CLIPS),
        created_utc=read.moment("created_utc"),
        votes=tuple(map(_vote, votes)),
    )


def _vote(told: object) -> ForeignVote:
    if not isinstance(told, dict):
        raise Fault("a vote is no JSON object")
    read = _Reader(told)
    left, right, answer = read.text("left", 200), read.text("right", 200), read.text("answer", 20)
    if answer not in ANSWERS or left == right:
        raise Fault(f"a vote says {shown(answer)} of {shown(left)}, which none of ours does")
    took = read.optional(lambda name: read.whole(name, 0, 10**12), "took_ms")
    voter = read.optional_text("voter", LONGEST_LABEL)
    return ForeignVote(left, right, answer, read.moment("voted_utc"), voter, took)


def _request_hash(claimed: str, model: str, inputs: Mapping[str, Any], prediction: str | None) -> str:
    """Give the hash under which a cell finds the clip: only what follows from its own inputs is believed.

    Otherwise a pack could put any clip in the place of the one that somebody's prompt stands for. What cannot be proved
    is still taken in, under a hash that no cell has; the same one each time.
    """
    by_prediction = hashlib.sha256(f"prediction {prediction}".encode()).hexdigest() if prediction else None
    if claimed in (hash_of_kept(model, inputs), by_prediction):
        return claimed
    whole = json.dumps([claimed, model, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"imported {whole}".encode()).hexdigest()


class _Reader:
    """Reads the values of one object, each as the type and size it must have."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def optional(self, read: Callable[[str], Any], name: str) -> Any:
        return None if self._told.get(name) is None else read(name)

    def text(self, name: str, longest: int, *, lines: bool = False, least: int = 1) -> str:
        return checked_text(self._told.get(name), name, longest, lines=lines, least=least)

    def optional_text(self, name: str, longest: int, *, lines: bool = False) -> str | None:
        return None if self._told.get(name) is None else self.text(name, longest, lines=lines, least=0)

    def digest(self, name: str) -> str:
        value = self._told.get(name)
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            raise Fault(f"its {name} is none")
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._told.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Fault(f"its {name} is {shown(value)}, not a whole number from {least} to {most}")
        return value

    def number(self, name: str) -> float | None:
        value = self._told.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**6:
            raise Fault(f"its {name} is {shown(value)}, not a number of seconds")
        return float(value)

    def usd(self, name: str) -> Decimal | None:
        value = self._told.get(name)
        if value is None:
            return None
        try:
            usd = Decimal(value) if isinstance(value, str) and len(value) < 40 else Decimal("nan")
        except InvalidOperation:
            usd = Decimal("nan")
        if not usd.is_finite() or not 0 <= usd <= 1_000_000:
            raise Fault(f"its {name} is {shown(value)}, not a sum in US dollars")
        return usd

    def moment(self, name: str) -> datetime:
        value = self._told.get(name)
        try:
            at = datetime.fromisoformat(value if isinstance(value, str) and len(value) < 64 else "")
            is_right = at.tzinfo is not None and 1990 <= at.astimezone(UTC).year <= 9000
        except (ValueError, OverflowError):
            is_right = False
        if not is_right:
            raise Fault(f"its {name} is {shown(value)}, not a time with a zone")
        return at

    def labels(self, name: str, most: int = 100) -> tuple[str, ...]:
        value = self._told.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise Fault(f"its {name} is no list, or too long")
        return tuple(checked_text(each, name, LONGEST_LABEL) for each in value)

    def texts(self, name: str) -> dict[str, str]:
        value = self._told.get(name)
        if not isinstance(value, dict) or len(value) > 100:
            raise Fault(f"its {name} is no mapping of names to texts, or too large")
        return {
            checked_text(key, name, LONGEST_LABEL): checked_text(
                each, name, LONGEST_TEXT, lines=True, least=0
            )
            for key, each in value.items()
        }

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._told.get(name)
        if not isinstance(value, dict) or len(json.dumps(value)) > MOST_INPUT_BYTES:
            raise Fault(f"its {name} is no JSON object, or too large")
        _check_texts(value, name)
        return value


def checked_text(value: object, name: str, longest: int, *, lines: bool = False, least: int = 1) -> str:
    """Refuse what is no text, too long, or holds what a terminal or a page would obey."""
    if not isinstance(value, str) or len(value) < least:
        raise Fault(f"its {name} is {shown(value)}, not a text")
    if len(value) > longest:
        raise Fault(f"its {name} has {len(value):,} characters, more than {longest:,}")
    if _CONTROL.search(value) or (not lines and ("\n" in value or "\t" in value)):
        raise Fault(f"its {name} holds control characters")
    return value


def _check_texts(value: object, name: str) -> None:
    """Hold every text inside a value to the same rule, and every number to what JSON can carry."""
    if isinstance(value, str):
        checked_text(value, name, LONGEST_TEXT, lines=True, least=0)
    elif isinstance(value, dict):
        for key, each in value.items():
            checked_text(key, name, LONGEST_LABEL)
            _check_texts(each, name)
    elif isinstance(value, list):
        for each in value:
            _check_texts(each, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Fault(f"its {name} holds a number that is none")


def shown(value: object) -> str:
    """Give a stranger's value as it may stand in a message: short, and nothing in it is obeyed."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def is_device(stem: str) -> bool:
    """Tell whether Windows would take a name for a device."""
    return _DEVICE.fullmatch(stem) is not None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Fault("a name stands there twice")
    return found


def _no_constant(name: str) -> None:
    raise Fault(f"{name} is no number")


def _depth(value: object) -> int:
    """Count how deep a value is nested, without a stack of calls."""
    deepest, left = 0, [(value, 1)]
    while left:
        each, depth = left.pop()
        deepest = max(deepest, depth)
        if depth > DEEPEST:
            break
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        left += [(part, depth + 1) for part in inner]
    return deepest
