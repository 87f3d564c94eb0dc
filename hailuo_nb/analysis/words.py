"""How a clip and its file are said to people, as text and never as markup.

In come statuses, sizes, paths and whatever somebody wrote; out go words that may be shown and addresses that lead
nowhere but beside the notebook. Next: `hailuo_nb.notebook.view`, which puts them on cards, and
`hailuo_nb.travel.report`.
"""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["brief", "cut", "file_src", "icon_for", "plain", "safe_src", "size_text", "word_for"]

_WORDS = {
    "planned": "planned",
    "submitting": "sent",
    "submitted": "sent",
    "processing": "working",
    "downloading": "saving",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "unconfirmed": "unconfirmed",
    "abandoned": "abandoned",
}

_ICONS = {
    "planned": "○",
    "waiting": "○",
    "sent": "◔",
    "working": "◑",
    "saving": "◕",
    "done": "●",
    "failed": "✕",
    "cancelled": "–",
    "unconfirmed": "?",
    "abandoned": "–",
}

# Controls (but not tab and newline), lone surrogates, and the marks that turn the direction of the text
# after them: with those a file or a prompt could look like another one.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def word_for(status: str, *, is_queued: bool = False) -> str:
    """Say a status as a person would.

    Parameters
    ----------
    status : str
        The contract's word.
    is_queued : bool
        Whether a planned clip is waiting for its turn, rather than for somebody to ask.
    """
    if status == "planned" and is_queued:
        return "waiting"
    return _WORDS.get(status, status)


def icon_for(word: str) -> str:
    """Give the sign beside a word of :func:`word_for`, so that no colour has to say it."""
    return _ICONS.get(word, "·")


def size_text(count: int) -> str:
    """Write a size in decimal units: ``820 B``, ``12 kB``, ``4.2 MB``."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
    raise AssertionError("unreachable")  # pragma: no cover


def plain(text: str) -> str:
    """Give text as it may be shown: controls and direction marks become U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def brief(text: str, width: int = 96) -> str:
    """Cut text to about two lines of a card, between words where it can."""
    line = " ".join(text[: width * 8].split())
    if len(line) <= width and len(text) <= width * 8:
        return text if "\n" not in text else line
    cut = line[: width - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > width // 2 else cut).rstrip(" ,;:.") + "…"


def cut(text: str, width: int = 4000) -> str:
    """Cut what no one reads in a notebook, and say how to see the rest."""
    rest = len(text) - width
    return text if rest <= 0 else f"{text[:width]}… and {rest:,} more characters: see job.prompt"


def file_src(file: str) -> str:
    """Quote a path relative to the notebook so that it is an URL that a browser takes for no other one."""
    return safe_src(quote(file.replace("\\", "/").encode("utf-8", "surrogatepass"), safe="/"))


def safe_src(src: str) -> str:
    """Let an URL pass if it stays on the notebook's own server (relative, no host), else give nothing."""
    head = src.split("/", 1)[0]
    if not src or src.startswith("/") or ":" in head or re.search(r"[\s\\\x00-\x20\x7f]", src):
        return ""
    return src
