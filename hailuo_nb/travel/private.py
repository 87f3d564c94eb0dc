r"""What must not be passed on: keys, home paths, signed addresses; found in any text, and taken out of it.

In comes a text and the keys that are known here; out go the places that give something away, each with its kind and
what stands there instead. A key becomes ``***``, a home folder ``~``, and a signed address loses its query. Next:
`hailuo_nb.travel.clean` for notebooks, `hailuo_nb.travel.report` for what it prints.

A shape is only taken for a key if it has what keys have (its prefix, its length, digits), because a prompt may look
odd and is still a prompt. Codes that colour a terminal, as tracebacks have them, are looked through: a key is found
that is half red and half blue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KINDS", "Finding", "found_in", "without"]

KINDS = ("key", "home path", "signed address", "password in an address")
"""What is looked for, in the words of the lines that say what was found."""

_ANSI = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
# A picture inside HTML is noise in which anything may seem to stand.
_DATA_URI = re.compile(r"data:[\w.+/-]{0,80}(?:;[\w=.+-]{0,80})*;base64,[A-Za-z0-9+/=\s]*")
_SHORTEST_KNOWN = 8
_MOST_ROUNDS = 20

# Prefixes that their makers publish, so that such keys can be found.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{16,}|AIza[0-9A-Za-z_-]{35}"
    r"|r8_[A-Za-z0-9]{36,})"
)
_BEARER = re.compile(r"(?<![A-Za-z0-9])[Bb]earer[ \t]+([A-Za-z0-9._~+/=-]{16,})")
# NAME=value in a shell, NAME = "value" in Python, %env NAME value, "NAME": "value" in JSON or ["NAME"] = "value".
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_])(?:[A-Z][A-Z0-9]*_)*(?:API_KEY|API_TOKEN|ACCESS_KEY|SECRET_ACCESS_KEY|HF_TOKEN|GITHUB_TOKEN)"
    r"(?:\\?[\"'])?\]?\s{0,3}(?:[=:]\s{0,3}|\s{1,3})"
    r"(?:\\?(?P<quote>[\"'])(?P<quoted>[^\s\"'\\<>]{8,})\\?(?P=quote)|(?P<bare>[A-Za-z0-9_-]{12,})(?![A-Za-z0-9_.(\[-]))"
)
_PLACEHOLDER = re.compile(
    r"(?i)your|example|placeholder|changeme|\.\.\.|\*\*\*|xxx|[<>${}()]|key-?here|simulated"
)
_SLASH = r"(?:/|%2F)"
# In the repr of a text, the letter before a path may be that of a line break.
_BEFORE_PATH = r"(?:(?<![\w.~/-])|(?<=\\[nrt]))"
_NAME = r"[A-Za-z0-9_][\w.@+-]{0,63}"
_HOMES = re.compile(
    rf"(?:{_BEFORE_PATH}|(?<=file://))(?:"
    rf"{_SLASH}home{_SLASH}{_NAME}|(?:/mnt)?(?:/[a-z])?{_SLASH}Users{_SLASH}(?!Shared\b){_NAME}"
    r"|/root(?=/[\w.])"
    r"|(?:/{1,2})?[A-Za-z]:[\\/]{1,4}Users[\\/]{1,4}(?!(?:Public|Default|All Users)\b)"
    r"(?:[\w.@+-]{1,40}(?: [\w.@+-]{1,40}){0,3}(?=[\\/])|[\w.@+-]{1,64})"
    r")"
)
# The query ends where the address does; "&amp;" is how HTML and "\u0026" how JSON inside a text write the ampersand.
_SIGNED = re.compile(
    r"(?P<address>\bhttps?://[^\s\"'<>`\\?#]{1,2000})\?"
    r"(?=(?:[^\s\"'<>`\\]|\\u0026){0,8000}?(?<![A-Za-z0-9-])(?i:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-Signature"
    r"|X-OSS-Signature|q-signature|Signature|Expires|Key-Pair-Id|AWSAccessKeyId|GoogleAccessId|OSSAccessKeyId"
    r"|(?:access_|auth_|api_)?token|api_?key|sig)=[^\s\"'<>`\\&])"
    r"(?:[^\s\"'<>`\\]|\\u0026)*"
)
_PASSWORD = re.compile(r"(?<=://)[^\s/:@\"'<>\\?#]{1,100}:[^\s/@\"'<>\\?#*]{3,200}(?=@[A-Za-z0-9])")


@dataclass(frozen=True)
class Finding:
    """One place of a text that gives something away.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    start, end : int
        Where it is in the text.
    instead : str
        What may stand there.
    hint : str
        At most the first four characters of a key, to know it by.
    """

    kind: str
    start: int
    end: int
    instead: str
    hint: str = ""


def found_in(text: str, known: Sequence[str] = (), homes: Sequence[str] | None = None) -> list[Finding]:
    """Find what must not be passed on, from left to right; no two findings overlap.

    Parameters
    ----------
    text : str
        Any text.
    known : sequence of str
        Keys that are known here, of any shape.
    homes : sequence of str, optional
        Home folders to look for beside the usual ones; that of whoever runs this when not given.
    """
    plain, places = _uncoloured(text)
    found: list[Finding] = []
    for look in (_keys, _passwords, _addresses, _paths):
        for each in look(plain, known, own_homes() if homes is None else homes):
            if not any(each.start < other.end and other.start < each.end for other in found):
                found.append(each)
    noise = [match.span() for match in _DATA_URI.finditer(plain)]
    kept = [each for each in found if not any(a <= each.start and each.end <= b for a, b in noise)]
    in_order = sorted(kept, key=lambda each: each.start)
    if places is None:
        return in_order
    return [
        Finding(each.kind, places[each.start], places[each.end - 1] + 1, each.instead, each.hint)
        for each in in_order
    ]


def without(text: str, known: Sequence[str] = (), homes: Sequence[str] | None = None) -> str:
    """Give a text without what must not be passed on; a second time changes nothing.

    Examples
    --------
    >>> without("open('/home/ana/fox.mp4')")
    "open('~/fox.mp4')"
    """
    for _ in range(_MOST_ROUNDS):
        found = found_in(text, known, homes)
        if not found:
            break
        for each in reversed(found):
            colours = "".join(_ANSI.findall(text[each.start : each.end]))
            text = text[: each.start] + each.instead + colours + text[each.end :]
    return text


def own_homes() -> tuple[str, ...]:
    """Give the home folder of whoever runs this, where there is one that says something."""
    try:
        home = str(Path.home())
    except RuntimeError:
        return ()
    return (home,) if len(home) > 3 and home.strip("/\\") else ()


def _uncoloured(text: str) -> tuple[str, list[int] | None]:
    """Take the colour codes out; gives where each letter was, or None where there were none."""
    if "\x1b" not in text:
        return text, None
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for code in [*_ANSI.finditer(text), None]:
        end = len(text) if code is None else code.start()
        kept.append(text[at:end])
        places.extend(range(at, end))
        at = end if code is None else code.end()
    return "".join(kept), places


def _keys(text: str, known: Sequence[str], _: Sequence[str]) -> list[Finding]:
    """Find keys: those that are known, those that look like one, those that a name gives away."""
    spans: list[tuple[int, int]] = []
    for key in sorted({each for each in known if len(each) >= _SHORTEST_KNOWN}, key=len, reverse=True):
        spans += [(each.start(), each.end()) for each in re.finditer(re.escape(key), text)]
    spans += [each.span() for each in _SHAPES.finditer(text) if _is_random(each[0])]
    spans += [each.span(1) for each in _BEARER.finditer(text) if _is_random(each[1])]
    for each in _NAMED.finditer(text):
        group = "quoted" if each["quoted"] else "bare"
        is_key = _PLACEHOLDER.search(each[group]) is None and (group == "quoted" or _is_random(each[group]))
        spans += [each.span(group)] if is_key else []
    return [Finding("key", a, b, "***", text[a : a + 4] if b - a >= 12 else "") for a, b in _apart(spans)]


def _apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what overlaps."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _is_random(text: str) -> bool:
    """Tell a key from words with hyphens: it has digits and letters."""
    return any(letter.isdigit() for letter in text) and any(letter.isalpha() for letter in text)


def _passwords(text: str, *_: Sequence[str]) -> list[Finding]:
    return [Finding("password in an address", *each.span(), "***") for each in _PASSWORD.finditer(text)]


def _addresses(text: str, *_: Sequence[str]) -> list[Finding]:
    """Find the queries of signed addresses; the address itself stays."""
    return [
        Finding("signed address", each.end("address"), _end_of(each), "") for each in _SIGNED.finditer(text)
    ]


def _end_of(match: re.Match[str]) -> int:
    """Give where an address ends: a full stop or a closing bracket after it belongs to the sentence."""
    query = match[0][len(match["address"]) :]
    return match.end() - (len(query) - len(query.rstrip(".,;:!)]}")))


def _paths(text: str, _: Sequence[str], homes: Sequence[str]) -> list[Finding]:
    """Find home folders."""
    found = [Finding("home path", *each.span(), "~") for each in _HOMES.finditer(text)]
    for home in homes:
        for spelled in dict.fromkeys((home, home.replace("\\", "\\\\"), home.replace("\\", "/"))):
            own = re.compile(rf"(?:{_BEFORE_PATH}|(?<=file://)){re.escape(spelled)}(?![\w-])")
            found += [Finding("home path", *each.span(), "~") for each in own.finditer(text)]
    return found
