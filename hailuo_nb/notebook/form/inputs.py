"""Everything in the form that a person fills in.

In come a variant and a state to start from; out go the controls in the order of a sentence, and the state as it is now.
Next: `hailuo_nb.notebook.form.form` reads the state whenever something has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from hailuo_nb.catalog.variants import Variant, all_variants
from hailuo_nb.notebook.form.controls import Row, control_of, is_wide, own_value
from hailuo_nb.notebook.form.fields import fields_of
from hailuo_nb.notebook.form.parts import PicturePart, PromptPart
from hailuo_nb.notebook.form.picture import variant_text
from hailuo_nb.notebook.form.state import FormState

__all__ = ["Inputs", "main_variants"]

Changed = Callable[[str], None]
_OTHER = "another model"


def main_variants() -> tuple[Variant, ...]:
    """Give the variants that have a button of their own: those of the family that the catalogue names first."""
    family = all_variants()[0].model_id.rpartition("/")[0]
    return tuple(each for each in all_variants() if each.model_id.rpartition("/")[0] == family)


class Inputs:
    """The controls.

    Parameters
    ----------
    changed : callable
        Called with a field's name whenever somebody has changed it.

    Attributes
    ----------
    prompt, picture
        The two parts with JavaScript of their own; the form writes to them.
    text, image, fit : str
        What stands in those, as the front end said it last.
    turn : object
        Which of its texts the front end has sent last.
    text_number, image_number : int
        Count what was filled in from here: the front end takes over a text with a new number.
    box : ipywidgets.VBox
        All of it.
    """

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._is_filling = False
        self.text = self.image = self.fit = ""
        self.text_number = self.image_number = 0
        self.turn: object = 0
        self.prompt, self.picture = PromptPart(), PicturePart()
        names = [(variant_text(each), each.name) for each in main_variants()]
        self._what = ipywidgets.RadioButtons(options=[*names, (_OTHER, "")], value=names[0][1])
        others = [each.name for each in all_variants() if each not in main_variants()]
        self._model = Row("variant", self._other_model(others), self._told, is_wide=True)
        self._what.observe(lambda _: self._told("variant"), names="value")
        self._takes = Row("takes", ipywidgets.IntText(value=1, description="Takes"), self._told)
        self._name = Row("name", _text("Name"), self._told)
        self._tags = Row("tags", _text("Tags, with commas"), self._told)
        self._raw = Row(
            "raw", ipywidgets.Checkbox(description="Prompt as it is: no {axes}", indent=False), self._told
        )
        self._rows: dict[str, Row] = {}
        self._axes = _Axes(self._told)
        self._fields = ipywidgets.HBox().add_class("hailuo-fields")
        labels = ipywidgets.HBox([self._name.box, self._tags.box, self._raw.box]).add_class("hailuo-fields")
        what = ipywidgets.VBox([self._what, self._model.box]).add_class("hailuo-what")
        self.box = ipywidgets.VBox([what, self.prompt, self.picture, self._fields, self._axes.box, labels])
        self.variant: Variant = main_variants()[0]

    @property
    def variant_name(self) -> str:
        """What is chosen, or written as another model."""
        return str(self._what.value or self._model.control.value.strip())

    def state(self) -> FormState:
        """Give what stands in the form now."""
        with self._lock:
            held = {name: row.control.value for name, row in self._rows.items()}
            return FormState(
                variant=self.variant.name,
                prompt=self.text,
                image=self.image if self.variant.takes_image else "",
                fit=self.fit if self.variant.takes_image else "",
                duration=held.pop("duration", None),
                takes=self._takes.control.value,
                expand=held.pop("enable_prompt_expansion", None),
                go_fast=held.pop("go_fast", None),
                inputs=held,
                axes=self._axes.rows(),
                name=self._name.control.value,
                tags=self._tags.control.value,
                raw=self._raw.control.value,
            )

    def show_variant(self, variant: Variant, held: Mapping[str, object] | None = None) -> None:
        """Show the fields that a variant has; what stands in those that the last one had too stays.

        Parameters
        ----------
        variant : Variant
            What is to be made.
        held : Mapping, optional
            What to fill in instead, by input.
        """
        with self._lock:
            # Another variant may have another default, so only what somebody has changed is taken along.
            changed = {row.name: row.control.value for row in self._rows.values() if row.is_changed}
            known = changed if held is None else held
            self.variant = variant
            self._rows = {
                row.name: row for row in (*self._own(variant, known), *self._others(variant, known))
            }
            duration = [self._rows["duration"].box] if "duration" in self._rows else []
            rest = [row.box for name, row in self._rows.items() if name != "duration"]
            self._fields.children = (*duration, self._takes.box, *rest)
            is_listed = variant.name in {each.name for each in main_variants()}
            self._quietly(self._what, variant.name if is_listed else "")
            if not is_listed:
                self._quietly(self._model.control, variant.name)
            self.show_other(not is_listed)
            self.picture.layout.display = None if variant.takes_image else "none"

    def show_other(self, is_shown: bool) -> None:
        """Show the line for another model, or hide it."""
        self._model.box.layout.display = None if is_shown else "none"

    def fill(self, state: FormState, variant: Variant) -> None:
        """Fill everything in."""
        own = {"duration": state.duration, "enable_prompt_expansion": state.expand, "go_fast": state.go_fast}
        with self._lock:
            self.text, self.image, self.fit = state.prompt, state.image, state.fit
            self.text_number += 1
            self.image_number += 1
            for row, value in (
                (self._takes, state.takes),
                (self._name, state.name),
                (self._tags, state.tags),
                (self._raw, state.raw),
            ):
                self._quietly(row.control, value)
            self._axes.fill(state.axes)
            self.show_variant(variant, {**state.inputs, **{k: v for k, v in own.items() if v is not None}})
        self._changed("all")

    def put_image(self, text: str) -> None:
        """Write what stands for a picture that was dropped."""
        self.image = text
        self.image_number += 1
        self._changed("image")

    def say(self, faults: Mapping[str, str], touched: frozenset[str]) -> None:
        """Show the faults of the fields that somebody has been in."""
        rows = [*self._rows.values(), self._takes, self._name, self._tags, self._model]
        for row in rows:
            row.say(faults.get(row.name, "") if row.name in touched else "")
        self._axes.say(faults.get("axes", ""))

    def _own(self, variant: Variant, held: Mapping[str, object]) -> list[Row]:
        """Make the controls of length and switches, where the variant has them."""
        rows = []
        if variant.has("duration") and variant.lengths_s:
            lengths = sorted(variant.lengths_s)
            asked = held.get("duration")
            control = ipywidgets.Dropdown(
                options=[(f"{seconds} s", seconds) for seconds in lengths],
                value=asked if asked in lengths else variant.lengths_s[0],
                description="Length",
            )
            rows.append(Row("duration", control, self._told, own=variant.lengths_s[0]))
        for name, label in (("enable_prompt_expansion", "Prompt expansion"), ("go_fast", "Go fast")):
            if variant.has(name):
                value = held.get(name)
                start = bool(variant.default(name) if value is None else value)
                control = ipywidgets.Checkbox(value=start, description=label, indent=False)
                control.tooltip = str(variant.schema["properties"][name].get("description", "")) or None
                rows.append(Row(name, control, self._told, own=bool(variant.default(name))))
        return rows

    def _others(self, variant: Variant, held: Mapping[str, object]) -> list[Row]:
        """Make the controls of all other inputs."""
        return [
            Row(
                each.name,
                control_of(each, held.get(each.name)),
                self._told,
                is_wide=is_wide(each),
                own=own_value(each),
            )
            for each in fields_of(variant)
        ]

    def _other_model(self, names: Sequence[str]) -> Any:
        """Make the line for another model's name or id."""
        return ipywidgets.Combobox(
            options=names,
            description="Model",
            placeholder="a name, or any WaveSpeed model id as a/b/c",
            continuous_update=False,
        )

    def _told(self, name: str) -> None:
        if not self._is_filling:
            self._changed(name)

    def _quietly(self, control: Any, value: object) -> None:
        """Write a value without taking it for a person's."""
        self._is_filling = True
        try:
            control.value = value
        finally:
            self._is_filling = False


class _Axes:
    """The table of values for ``{axis}``: a row each, and a button for another one."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._rows: list[Any] = []
        self._add = ipywidgets.Button(description="Add values for {axis}")
        self._add.on_click(lambda _: self._more())
        self._fault = Row("axes", ipywidgets.HTML(), lambda _: None)
        self.box = ipywidgets.VBox().add_class("hailuo-axes")
        self._lay()

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Give names and values as they stand there."""
        return tuple((row.children[0].value, row.children[1].value) for row in self._rows)

    def fill(self, axes: Sequence[tuple[str, str]]) -> None:
        """Put rows in their place."""
        self._rows = [self._row(name, values) for name, values in axes]
        self._lay()

    def say(self, fault: str) -> None:
        """Show what is wrong."""
        self._fault.say(fault)

    def _more(self) -> None:
        self._rows.append(self._row("", ""))
        self._lay()

    def _row(self, name: str, values: str) -> Any:
        first = ipywidgets.Text(value=name, description="Axis", placeholder="light", continuous_update=False)
        second = ipywidgets.Text(
            value=values, description="Values", placeholder="dawn | noon | dusk", continuous_update=False
        )
        for each in (first, second):
            each.observe(lambda _: self._changed("axes"), names="value")
        away = ipywidgets.Button(description="take away")
        row = ipywidgets.HBox([first, second, away]).add_class("hailuo-axis")
        away.on_click(lambda _: self._less(row))
        return row

    def _less(self, row: Any) -> None:
        self._rows = [each for each in self._rows if each is not row]
        self._lay()
        self._changed("axes")

    def _lay(self) -> None:
        self.box.children = (*self._rows, self._fault.box, self._add)


def _text(label: str) -> Any:
    return ipywidgets.Text(description=label, continuous_update=False)
