"""ipywidgets for fields.

In come `Field`s; out go controls, each with its label and a place for a fault under it. They are plain ipywidgets, so
that every front end draws them and the keyboard works. Next: `hailuo_nb.notebook.form.form` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from hailuo_nb.notebook.form.fields import Field
from hailuo_nb.notebook.view import plain

__all__ = ["Row", "control_of", "is_wide", "own_value"]

_WIDE = {"text", "address", "list", "json"}


class Row:
    """One control with its place for a fault.

    Parameters
    ----------
    name : str
        The field.
    control : ipywidgets.Widget
        What a person uses.
    changed : callable
        Called with the field's name when somebody has changed it.
    is_wide : bool
        Whether it takes the whole width.
    own : object
        What stands in it where nobody has changed it.
    """

    def __init__(
        self,
        name: str,
        control: Any,
        changed: Callable[[str], None],
        *,
        is_wide: bool = False,
        own: object = None,
    ) -> None:
        self.name = name
        self.control = control
        self._fault = ipywidgets.HTML().add_class("hailuo-fault")
        self.box = ipywidgets.VBox([control, self._fault]).add_class("hailuo-field")
        if is_wide:
            self.box.add_class("hailuo-wide")
        self._own = own
        control.observe(lambda _: changed(name), names="value")

    @property
    def is_changed(self) -> bool:
        """Whether something else stands in it than the model's own value."""
        return bool(self.control.value != self._own)

    def say(self, fault: str) -> None:
        """Show what is wrong, or nothing."""
        html = f"<bdi>{escape(plain(fault))}</bdi>" if fault else ""
        if self._fault.value != html:
            self._fault.value = html


def own_value(field: Field) -> object:
    """Give what the control of a field holds where nobody has changed it."""
    if field.kind == "switch":
        return bool(field.default)
    if field.kind == "choice":
        return field.default if field.default in field.choices else None
    return "" if field.default is None else str(field.default)


def control_of(field: Field, held: object = None) -> Any:
    """Make the control of a field.

    Parameters
    ----------
    field : Field
        What it is for.
    held : object
        What stands in it; the model's own value when not given.
    """
    is_offered = held is not None and (field.kind != "choice" or held in field.choices)
    start = held if is_offered else own_value(field)

    said: dict[str, Any] = {"description": field.label, "tooltip": field.help or None}
    if field.kind == "switch":
        return ipywidgets.Checkbox(value=bool(start), indent=False, **said)
    if field.kind == "choice":
        options = [(str(choice), choice) for choice in field.choices]
        if start not in field.choices:
            options = [("not given", None), *options]
            start = None
        return ipywidgets.Dropdown(options=options, value=start, **said)
    text = "" if start is None else str(start)
    if field.kind == "list":
        return ipywidgets.Textarea(
            value=text, rows=2, placeholder="one a line", continuous_update=False, **said
        )
    placeholder = {"address": "https://…", "json": "JSON"}.get(field.kind, "")
    return ipywidgets.Text(value=text, placeholder=placeholder, continuous_update=False, **said)


def is_wide(field: Field) -> bool:
    """Whether a field needs the whole width."""
    return field.kind in _WIDE
