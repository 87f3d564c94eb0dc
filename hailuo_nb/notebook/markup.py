"""Text and pictures as parts of HTML.

In come texts of people, files and services, and JPEGs; out goes markup in which text is only ever text. Next:
:mod:`hailuo_nb.notebook.twin` and :mod:`hailuo_nb.notebook.table`.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape

from hailuo_nb.notebook.view import plain

__all__ = ["NO_MATH", "bdi", "data_uri", "escaped", "widget_hider"]

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


def widget_hider(live: str, twin: str) -> str:
    """Write the rule by which a twin hides what is left of its widget in a notebook that was reopened.

    JupyterLab would write "Loading widget..." there for ever. The widget shows as long as it lives.

    Parameters
    ----------
    live : str
        A class that stands in the widget's output while it lives.
    twin : str
        A class of the twin, in the next output.
    """
    return (
        f"<style>.jp-OutputArea-child:not(:has(.{live})):has(+ .jp-OutputArea-child .{twin})"
        "{display:none}</style>"
    )
