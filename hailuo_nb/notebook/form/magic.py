"""The form as a ``%%hailuo`` cell.

In comes what stands in the form; out goes the text of a cell that asks for exactly the same, or an `Unwritable` that
says why no line can say it. The line is read back before it is given out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.form.fields import fields_of, value_in
from hailuo_nb.notebook.form.reading import Reading
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.option_words import cut
from hailuo_nb.notebook.options import CellOptions, parse_cell_line

__all__ = ["Unwritable", "cell_text", "quoted_word"]


class Unwritable(InvalidRequest):
    """What stands in the form cannot be said in this way; the message says which part."""


def cell_text(state: FormState, variant: Variant, reading: Reading) -> str:
    """Give the cell that asks for what stands in the form.

    Parameters
    ----------
    state, variant
        What stands there.
    reading : Reading
        The same, read without a fault.

    Raises
    ------
    Unwritable
        A value has something in it that no line can carry.
    """
    line = " ".join(_words(state, variant, reading))
    _check(line, state, variant, reading)
    # A cell magic without anything below its line is refused by IPython.
    body = state.prompt.replace("\r\n", "\n").replace("\r", "\n").strip()
    return f"%%hailuo {line}\n{body or chr(10)}"


def _words(state: FormState, variant: Variant, reading: Reading) -> list[str]:
    """Write the line, word by word."""
    words = [variant.name]
    if state.duration is not None and state.duration != variant.length_s({}):
        words.append(f"--duration {state.duration}")
    if state.takes != 1:
        words.append(f"--takes {state.takes}")
    if reading.asked is not None and reading.asked.image is not None:
        words.append(f"--image {quoted_word(state.image.strip())}")
        words += [f"--fit {state.fit}"] if state.fit else []
    for held, name, spelled in _SWITCHES:
        value = getattr(state, held)
        if value is not None and value != bool(variant.default(name)):
            words.append(f"--{'' if value else 'no-'}{spelled}")
    words += [f"--set {quoted_word(f'{name}={text}')}" for name, text in _settings(state, variant).items()]
    if reading.asked is not None:
        words += [
            f"--vary {quoted_word(f'{name}={_bars(values)}')}" for name, values in reading.asked.vary.items()
        ]
    words += [f"--name {quoted_word(reading.name)}"] if reading.name else []
    words += [f"--tag {quoted_word(tag)}" for tag in reading.tags]
    return [*words, "--raw"] if state.raw else words


_SWITCHES = (("expand", "enable_prompt_expansion", "expand"), ("go_fast", "go_fast", "go-fast"))


def _bars(values: object) -> str:
    return "|".join(values) if isinstance(values, tuple) else ""


def _settings(state: FormState, variant: Variant) -> Mapping[str, str]:
    """Give the other inputs as ``--set`` takes them."""
    given = {each.name: value_in(variant, each, state.inputs.get(each.name)) for each in fields_of(variant)}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
        if value is not None
    }


def quoted_word(text: str) -> str:
    """Write a text so that it is one word of the line: bare where that goes, else in quotes."""
    if text and not any(sign.isspace() or sign in "\"'{}|=" for sign in text) and text[0] not in "-–—":
        return text
    # A backslash before the closing quote could be read as escaping it, so those stand behind it.
    body = text.rstrip("\\")
    tail = text[len(body) :]
    quote = '"' if '"' not in body or "'" in body else "'"
    return f"{quote}{body.replace(quote, chr(92) + quote)}{quote}{tail}"


def _check(line: str, state: FormState, variant: Variant, reading: Reading) -> None:
    """Read the line back, and refuse to hand out one that says something else."""
    if len(line.splitlines()) > 1:
        raise Unwritable(
            "A line break in one of the fields cannot stand on a cell's line; copy as Python instead."
        )
    try:
        said = parse_cell_line(line)
    except InvalidRequest as error:
        raise Unwritable(
            f"A cell's line cannot say this ({error.faults[0]}) Copy as Python instead."
        ) from None
    asked = reading.asked
    wanted = CellOptions(
        variants=(variant.name,),
        durations=said.durations,
        takes=int(str(state.takes)),
        image=state.image.strip() if asked is not None and asked.image is not None else None,
        fit=(state.fit or None) if asked is not None and asked.image is not None else None,
        name=reading.name,
        tags=reading.tags,
        vary=dict(asked.vary) if asked is not None else {},
        raw=state.raw,
        expand=said.expand,
        go_fast=said.go_fast,
        sets=said.sets,
        set_texts=_settings(state, variant),
    )
    if said != wanted or len(cut(line, [])) != len(cut(" ".join(_words(state, variant, reading)), [])):
        raise Unwritable("One of the fields cannot be written on a cell's line; copy as Python instead.")
