"""Hostile text, and whoever looks whether any of it became more than text.

In come folders, outputs and requests after a run; out come lists of what is wrong, empty where all is well. Every
payload carries `MARK`, so that it can be found wherever it went.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fault_proxy import Seen

__all__ = [
    "BIDI",
    "CONTROLS",
    "MARK",
    "NAMES",
    "SCRIPTS",
    "TRAVERSALS",
    "bundles_wrong",
    "paths_wrong",
    "requests_wrong",
    "text_wrong",
]

MARK = "zqxmark"
SCRIPTS = (
    f"</div></video><script>window.{MARK}=1</script>",
    f'"><img src=x onerror="window.{MARK}=1">',
    f"<svg/onload={MARK}()><iframe src=javascript:{MARK}()>",
    f"<!--<{MARK}-->&lt;b&gt;<style>*{{display:none}}</style><a href='javascript:{MARK}'>x</a>",
    f"{{{{ ''.__class__ }}}} {MARK} $(touch {MARK}) `{MARK}`",
)
CONTROLS = f"{MARK}\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x9b31m\x85\x08\x08\x7f{MARK}"
BIDI = f"{MARK}\u202egnp.exe\u2066\u200f\u2028next\u2029{MARK}"
TRAVERSALS = (
    f"../../../../{MARK}",
    f"..\\..\\{MARK}",
    f"/tmp/{MARK}",
    f"%2e%2e%2f{MARK}",
    f"~root/{MARK}",
    f".{MARK}",
    f"-rf {MARK}",
)
NAMES = (
    "CON",
    "nul",
    "aux.mp4",
    "COM1",
    "..",
    ".",
    "/",
    "\u202e",
    "\ud83e\udd8a".encode("utf-16", "surrogatepass").decode("utf-16"),
)
_CLIP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}-[0-9a-f]{8,64}-t[0-9]+(-o[0-9]+)?\.(mp4|json)(\.part[a-z.]*)?")
_TAGS = frozenset(
    {
        "div",
        "span",
        "video",
        "img",
        "a",
        "b",
        "i",
        "br",
        "bdi",
        "details",
        "summary",
        "p",
        "small",
        "code",
        "pre",
    }
)
_TAGS_TABLE = frozenset(
    {"table", "thead", "tbody", "tr", "th", "td", "style", "ul", "li", "figure", "figcaption"}
)
_ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_OUR_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def paths_wrong(root: Path, before: Iterable[Path]) -> list[str]:
    """Say which files lie where none should, or have names none should."""
    found = []
    known = set(before)
    for path in everything_under(root) - known:
        place = path.relative_to(root)
        clips = ("notebook", "hailuo", "clips")
        if place.parts[:3] == clips and len(place.parts) == 4:
            if not _CLIP.fullmatch(place.name):
                found.append(f"a clip is called {place.name!r}")
        elif place.parts[:2] != ("notebook", "hailuo"):
            found.append(f"{place} was written")
        elif MARK in place.name:
            found.append(f"{place} has its name from a payload")
    return found


def everything_under(root: Path) -> set[Path]:
    """Give every file and folder below, links not followed; the harness's own files are left out."""
    own = re.compile(r"(report|debug|out)-\d+\..*|kernel\.txt|ipython|simulator.*|forge.*")
    found = set()
    for folder, folders, files in os.walk(root):
        at = Path(folder)
        if at == root:
            folders[:] = [name for name in folders if not own.fullmatch(name)]
            files[:] = [name for name in files if not own.fullmatch(name)]
        found |= {at / name for name in (*folders, *files)}
    return found


def requests_wrong(seen: Sequence[Seen]) -> list[str]:
    """Say where a payload became part of an address or a header."""
    found = []
    for each in seen:
        for name, value in each.headers:
            if MARK in name or MARK in value or "pwned" in value:
                found.append(f"{each.method} {each.path[:80]} has the header {name}: {value[:80]!r}")
        if MARK in each.path and each.listener != "trap":
            found.append(f"{each.method} {each.path[:200]}")
    return found


@cache
def harmless_handlers() -> frozenset[tuple[str, str, str | None]]:
    """Give the handlers that a card of harmless clips has: those are ours, and no others may be there."""
    from hailuo_nb.ledger.status import STATUSES
    from hailuo_nb.notebook.twin import twin_html
    from hailuo_nb.notebook.view import CardView, ClipView, arrange

    found: set[tuple[str, str, str | None]] = set()

    class Handlers(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update((tag, name, value) for name, value in attrs if name.startswith("on"))

    for count in (1, 3):
        for status in STATUSES:
            clips = [
                ClipView(
                    key=str(n),
                    status=status,
                    word=status,
                    prompt="a",
                    src="a.mp4",
                    file="a.mp4",
                    error="e",
                    hint="h",
                )
                for n in range(count)
            ]
            card = arrange(CardView(batch="b", clips=tuple(clips), headline="1 clip"))
            Handlers().feed(twin_html(card, {}))
            Handlers().feed(twin_html(card, {"0": b"\xff\xd8", "1": b"\xff\xd8", "2": b"\xff\xd8"}))
    return frozenset(found)


class _Looker(HTMLParser):
    """Reads HTML as a browser would, and keeps what should not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        if tag not in _TAGS | _TAGS_TABLE:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            text = (value or "").strip().lower()
            if (name.startswith("on") and (tag, name, value) not in harmless_handlers()) or text.startswith(
                ("javascript:", "vbscript:")
            ):
                self.wrong.append(f"<{tag} {name}={text[:60]!r}>")
            if name in {"src", "href", "poster"} and MARK in text and "://" in text:
                self.wrong.append(f"<{tag} {name}={text[:60]!r}> leads to a payload")

    def handle_comment(self, data: str) -> None:
        """Nobody writes comments here."""
        self.wrong.append(f"<!--{data[:40]}")


def html_wrong(html: str) -> list[str]:
    """Say what markup a payload became."""
    looker = _Looker()
    looker.feed(html)
    looker.close()
    return looker.wrong


def text_wrong(text: str) -> list[str]:
    """Say which characters of a text a terminal would obey, or which turn the reading direction."""
    return [
        f"{found.group()!r} at {text[max(0, found.start() - 20) : found.end() + 20]!r}"
        for found in _ESCAPES.finditer(text)
    ][:3]


def bidi_wrong(text: str) -> list[str]:
    """Say which characters turn the reading direction of what follows."""
    return [f"{text[max(0, found.start() - 20) : found.end() + 20]!r}" for found in _BIDI.finditer(text)][:3]


def bundles_wrong(outputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Look at everything a kernel sent to its front end; IPython colours the tracebacks that are its own."""
    found = []
    for output in outputs:
        content = output["content"]
        data = content.get("data") if isinstance(content.get("data"), dict) else {}
        if "text/html" in data:
            found += [f"html: {wrong}" for wrong in html_wrong(data["text/html"])]
        texts = [content.get("text", ""), data.get("text/plain", ""), content.get("evalue", "")]
        texts += [_OUR_COLOURS.sub("", line) for line in content.get("traceback", ())]
        for text in map(str, texts):
            found += [f"{output['type']}: {wrong}" for wrong in text_wrong(text) + bidi_wrong(text)]
    return found


def report_wrong(report: Mapping[str, Any]) -> list[str]:
    """Look at everything a report of `fault_child` holds that people would see."""
    found = []
    for job in report["jobs"]:
        found += [f"html of {job['id']}: {wrong}" for wrong in html_wrong(job["html"])]
        for part in ("card", "error", "repr", "html", "note"):
            found += [f"{part} of {job['id']}: {wrong}" for wrong in text_wrong(job[part])]
            found += [f"{part} of {job['id']} turns: {wrong}" for wrong in bidi_wrong(job[part])]
            if len(job[part]) > 200_000:
                found.append(f"{part} of {job['id']} has {len(job[part])} characters")
    for text in (report["repr"], *report["batches"], *report["errors"]):
        found += [f"{text[:40]!r}: {wrong}" for wrong in text_wrong(text)]
        if len(text) > 20_000:
            found.append(f"{text[:40]!r} has {len(text)} characters")
    return found
