"""Plots as pictures that a saved notebook keeps.

In comes a figure of :mod:`hailuo_nb.analysis.figure`, out goes a MIME bundle: one PNG of 5 to 15 kB in HTML, with what
it says as its text, and the same PNG by itself for GitHub and PDF. It is dark on white, so that it can be read wherever
it gets to; on a dark page of a trusted notebook a style turns its lightness over and leaves its hues.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

from hailuo_nb.notebook.markup import NO_MATH
from hailuo_nb.notebook.view import plain

__all__ = ["figure_bundle", "figure_png"]

_DPI = 150
_COLOURS = 48
_DARK = ",".join(
    f"{page} .hailuo-plot img"
    for page in ('[data-jp-theme-light="false"]', "body.vscode-dark", 'html[theme="dark"]')
)
_STYLE = f"<style>{_DARK}{{filter:invert(0.93) hue-rotate(180deg)}}</style>"


def figure_bundle(figure: Any, *, is_headless: bool = False) -> dict[str, str]:
    """Give the bundle to display.

    Parameters
    ----------
    figure : PlotFigure
        What to show.
    is_headless : bool
        Leave out all that is compared from run to run, since what a plot shows differs: only the picture itself is
        there, which no tool compares.
    """
    png = b64encode(figure_png(figure)).decode("ascii")
    if is_headless:
        return {"image/png": png, "text/plain": figure.said.partition(":")[0]}
    width = round(figure.get_figwidth() * 96)
    html = (
        f'{_STYLE}<div class="hailuo-plot {NO_MATH}" style="margin:0">'
        f'<img src="data:image/png;base64,{png}" alt="{escape(plain(figure.said))}" width="{width}" '
        'style="max-width:100%;height:auto;margin:0"></div>'
    )
    return {"text/html": html, "text/plain": plain(figure.said), "image/png": png}


def figure_png(figure: Any) -> bytes:
    """Draw a figure as a PNG of few colours, a third of the size of one of all."""
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, facecolor="white")
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    out = BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
