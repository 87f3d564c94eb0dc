"""Text and pictures as parts of HTML.

In come texts of people, files and services, and JPEGs; out goes markup in which text is only ever text. Next:
:mod:`hailuo_nb.notebook.twin` and :mod:`hailuo_nb.notebook.table`.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape

from hailuo_nb.notebook.view import plain

__all__ = ["NO_MATH", "bdi", "data_uri", "escaped"]

NO_MATH = "tex2jax_ignore mathjax_ignore"
"""Both names of the class under which MathJax leaves text alone: "$0.28 = $3.36" is no formula."""


def escaped(text: str) -> str:
    """Make text that stays text in HTML."""
    return escape(plain(text))


def bdi(text: str) -> str:
    """Make text that cannot turn the direction of what is beside it."""
    return f"<bdi>{escaped(text)}</bdi>"


def data_uri(picture: bytes, kind: str = "image/jpeg") -> str:
    """Put a picture into an URL."""
    return f"data:{kind};base64," + b64encode(picture).decode("ascii")
