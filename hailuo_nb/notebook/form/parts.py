"""The three small widgets of our own: the prompt box, the picture, and the button with its costs.

ipywidgets has no cursor position, no clipboard and no drop, and its button cannot bring back which sum it showed. In
come traits that the form writes on its own thread; what a person does comes back as messages, never as a trait. The
JavaScript stands in ``static/form_*.js``, one plain module each behind a few shared lines.

Messages from the front end: ``{"type": "text", "text": ...}``, ``{"type": "left"}`` (the field was left),
``{"type": "hints", "on": ...}``; ``{"type": "source", "text": ...}``, ``{"type": "fit", "fit": ...}``, ``{"type":
"bytes", "name": ..., "at": ..., "of": ...}`` with one buffer, a megabyte each, because the server's limit for one
message is 10 MB; ``{"type": "generate", "stamp": ...}`` and ``{"type": "sample", "kind": ...}``. Messages to it:
``{"type": "sample", "kind": ..., "text": ..., "fault": ...}``.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

__all__ = ["CostsPart", "PicturePart", "PromptPart"]

_STATIC = Path(__file__).parents[1] / "static"
_CSS = (_STATIC / "form.css").read_text("utf-8")


def _module(name: str) -> str:
    """Give a part's module with the lines that all parts share before it."""
    return "\n".join((_STATIC / f"form_{each}.js").read_text("utf-8") for each in ("base", name))


class PromptPart(anywidget.AnyWidget):
    """The prompt: text, count, camera commands, what it expands to, hints."""

    _esm = _module("prompt")
    _css = _CSS
    box = traitlets.Dict().tag(sync=True)
    text = traitlets.Dict({"value": "", "number": 0}).tag(sync=True)


class PicturePart(anywidget.AnyWidget):
    """The picture: drop, paste, choose, write, or the last frame of a clip; with a thumbnail."""

    _esm = _module("picture")
    _css = _CSS
    box = traitlets.Dict().tag(sync=True)
    thumbnail = traitlets.Bytes(b"").tag(sync=True)


class CostsPart(anywidget.AnyWidget):
    """The button, what it costs, and the form as code."""

    _esm = _module("costs")
    _css = _CSS
    box = traitlets.Dict().tag(sync=True)
