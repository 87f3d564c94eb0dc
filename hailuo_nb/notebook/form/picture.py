"""The form as text and HTML: where nobody can fill it in, and where no widget can be shown.

In comes what stands in the form; out goes a bundle for a display, the same in every run. Headless notebooks, exports
and saved notebooks that are opened without a kernel show this instead of an empty place.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.notebook.form.fields import fields_of
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.markup import widget_hider
from hailuo_nb.notebook.view import plain

__all__ = ["form_bundle", "rows_of", "variant_text"]

_CELL = "padding:2px 16px 2px 0;vertical-align:top;text-align:left;border:0;background:none"
# Without the two of MathJax, two prices in a line would become a formula.
CLASS = "hailuo-form-static tex2jax_ignore mathjax_ignore"


def variant_text(variant: Variant) -> str:
    """Say in a few words what a variant makes: name, picture, lengths, price.

    Examples
    --------
    >>> from hailuo_nb.catalog.variants import find
    >>> variant_text(find("t2v-standard"))
    't2v-standard · 768p · 6 or 10 s · $0.28 or $0.56'
    """
    lengths = sorted(variant.lengths_s)
    many = len(lengths) > 3
    said = (
        f"{lengths[0]} to {lengths[-1]} s"
        if many
        else f"{' or '.join(map(str, lengths))} s"
        if lengths
        else ""
    )
    prices = dict.fromkeys(usd_text(price.usd) for price in variant.prices)
    return " · ".join(part for part in (variant.name, variant.picture, said, " or ".join(prices)) if part)


def rows_of(state: FormState, variant: Variant) -> list[tuple[str, str]]:
    """Give the fields of the form and what stands in them."""
    rows = [("variant", variant_text(variant)), ("prompt", state.prompt or "(empty)")]
    if variant.takes_image:
        rows.append(("picture", f"{state.image or '(none)'}{f', {state.fit}' if state.fit else ''}"))
    rows.append(("length", f"{state.duration or variant.length_s({})} s"))
    rows.append(("takes", str(state.takes)))
    for label, name, value in (
        ("prompt expansion", "enable_prompt_expansion", state.expand),
        ("go fast", "go_fast", state.go_fast),
    ):
        if variant.has(name):
            rows.append((label, "yes" if (bool(variant.default(name)) if value is None else value) else "no"))
    rows += [
        (each.label.lower(), _held(state.inputs.get(each.name), each.default)) for each in fields_of(variant)
    ]
    rows += [(f"{{{name}}}", values) for name, values in state.axes if name.strip()]
    rows += [(label, text) for label, text in (("name", state.name), ("tags", state.tags)) if text]
    return rows


def form_bundle(
    state: FormState, variant: Variant, said: Sequence[str] = (), mark: str = ""
) -> dict[str, str]:
    """Give the form as a static display.

    Parameters
    ----------
    state, variant
        What stands in the form.
    said : sequence of str
        Lines under it.
    mark : str
        A class by which a live form, whose output stands just before it, finds it.
    """
    rows = rows_of(state, variant)
    width = max(len(label) for label, _ in rows)
    text = [f"{label.ljust(width)}  {_one_line(value)}" for label, value in rows]
    cells = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};font-weight:400;opacity:0.78">{_text(label)}</th>'
        f'<td style="{_CELL};white-space:pre-wrap">{_text(value)}</td></tr>'
        for label, value in rows
    )
    lines = "".join(f'<div style="margin:4px 0 0">{_text(line)}</div>' for line in said)
    name = f"{CLASS} {escape(mark)}" if mark else CLASS
    html = (
        f'<div class="{name}" style="max-width:100%;overflow-wrap:anywhere">'
        f'<table style="border-collapse:collapse;border:0;margin:0"><tbody>{cells}</tbody></table>{lines}</div>'
    )
    hider = widget_hider("hailuo-form", escape(mark)) if mark else ""
    return {"text/html": hider + html, "text/plain": "\n".join([*text, *said])}


def _held(value: object, default: object) -> str:
    """Say what stands in a field, or what the model takes otherwise."""
    shown = default if value is None or value == "" else value
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    return "(empty)" if shown is None or shown == "" else str(shown)


def _text(text: str) -> str:
    return f"<bdi>{escape(plain(text))}</bdi>"


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())
