"""The form as a call of ``hn.generate``.

In comes what stands in the form; out goes Python that asks for exactly the same, with texts as Python's own literals.
Python takes the grammar of a cell without ``{{ }}``: where a prompt has those, their values are written out, so that
the call means tomorrow what the form says today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import PromptInvalid
from hailuo_nb.notebook.form.fields import fields_of, value_in
from hailuo_nb.notebook.form.reading import Reading
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.prompts.grammar import PromptPlan, parse_cell

__all__ = ["call_text", "inline", "literal"]

Vary = Mapping[str, Sequence[object]]


def call_text(state: FormState, variant: Variant, reading: Reading) -> str:
    """Give the call that asks for what stands in the form.

    Parameters
    ----------
    state, variant
        What stands there.
    reading : Reading
        The same, read without a fault.
    """
    assert reading.asked is not None
    arguments = _arguments(state, variant, reading)
    if _means(state.prompt, reading.asked.vary, state.raw) == _prompts(reading.plans):
        vary = [f"vary={_mapping(reading.asked.vary)}"] if reading.asked.vary else []
        raw = ["raw=True"] if state.raw else []
        return _call(literal(state.prompt), [*vary, *arguments, *raw])
    # The values of {{ }} stand in the text from here on, and nothing of it is read again.
    texts = _prompts(reading.plans)
    if len(texts) == 1:
        return _call(literal(texts[0]), [*arguments, "raw=True"])
    listed = "".join(f"    {inline(text)},\n" for text in texts)
    inner = _call("prompt", [*arguments, "raw=True"], prefix="", name="")
    return f"import hailuo_nb as hn\n\nprompts = [\n{listed}]\nbatches = [{inner} for prompt in prompts]\n"


def literal(text: str) -> str:
    r"""Write a text as Python: one line each where it has several.

    Examples
    --------
    >>> literal("it's")
    '"it\'s"'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    if len(lines) == 1:
        return inline(lines[0])
    parts = [line + "\n" for line in lines[:-1]] + lines[-1:]
    return "(\n" + "".join(f"        {inline(part)}\n" for part in parts) + "    )"


def inline(text: str) -> str:
    """Write a text as Python on one line, in double quotes where either would do."""
    shown = repr(text)
    if shown.startswith("'") and '"' not in text and "'" not in text:
        return f'"{shown[1:-1]}"'
    return shown


def _means(text: str, vary: Vary, raw: bool) -> list[str] | None:
    """Give the prompts that Python would read from a text."""
    try:
        return _prompts(parse_cell(text, raw=raw, vary=dict(vary) or None))
    except PromptInvalid:
        return None


def _prompts(plans: Sequence[PromptPlan]) -> list[str]:
    return [each.prompt for plan in plans for each in plan.iter_expanded()]


def _arguments(state: FormState, variant: Variant, reading: Reading) -> list[str]:
    """Write everything but the prompt."""
    assert reading.asked is not None
    words = []
    if state.duration is not None and state.duration != variant.length_s({}):
        words.append(f"duration={state.duration}")
    if reading.asked.image is not None:
        words.append(f"image={inline(state.image.strip())}")
        words += [f"fit={inline(state.fit)}"] if state.fit else []
    words += [f"takes={reading.asked.takes}"] if reading.asked.takes != 1 else []
    for name, value, default in (
        ("expand", state.expand, variant.default("enable_prompt_expansion")),
        ("go_fast", state.go_fast, variant.default("go_fast")),
    ):
        words += [f"{name}={value}"] if value is not None and value != bool(default) else []
    inputs = {each.name: value_in(variant, each, state.inputs.get(each.name)) for each in fields_of(variant)}
    given = {name: value for name, value in inputs.items() if value is not None}
    words += [f"inputs={_mapping(given)}"] if given else []
    words += [f"name={inline(reading.name)}"] if reading.name else []
    words += [f"tags={_value(list(reading.tags))}"] if reading.tags else []
    return [inline(variant.name), *words]


def _call(
    prompt: str, arguments: Sequence[str], prefix: str = "import hailuo_nb as hn\n\n", name: str = "batch"
) -> str:
    """Write the call: on one line where it is short."""
    inside = [prompt, *arguments]
    # The variant stands second, right behind the prompt.
    variant = next(each for each in arguments if "=" not in each or each[:1] in "\"'")
    inside = [prompt, variant, *(each for each in arguments if each is not variant)]
    head = f"{name} = " if name else ""
    line = f"{head}hn.generate({', '.join(inside)})"
    if not name:
        return line
    if len(line) <= 100 and "\n" not in line:
        return f"{prefix}{line}\n"
    return prefix + f"{head}hn.generate(\n" + "".join(f"    {each},\n" for each in inside) + ")\n"


def _mapping(values: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{inline(name)}: {_value(value)}" for name, value in values.items()) + "}"


def _value(value: object) -> str:
    """Write a plain value."""
    if isinstance(value, str):
        return inline(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _mapping(value) if isinstance(value, Mapping) else repr(value)
