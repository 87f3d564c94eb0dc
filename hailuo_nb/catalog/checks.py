"""Every fault of what was asked, at once.

In comes a variant and what the user gave; out go the inputs as they would be sent, and all faults, one line
each, with the nearest right name or value. Next: `hailuo_nb.catalog.request.build`, which refuses if there
is a single one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.values import NotPlain, plain, shown, text_fault
from hailuo_nb.catalog.variants import Variant, all_variants

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["FORBIDDEN", "checked_inputs", "checked_prompt", "is_image_input", "normal_prompt"]

# The session sees to these itself: it polls, fetches and keeps what comes back.
FORBIDDEN = frozenset(
    {"enable_sync_mode", "enable_base64_output", "sync_mode", "webhook", "webhook_url", "webhook_secret"}
)
# The service's words for what the package has an option for.
_OPTIONS = {
    "prompt": "the prompt",
    "image": "--image",
    "duration": "--duration",
    "enable_prompt_expansion": "--expand",
    "go_fast": "--go-fast",
}
_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def checked_inputs(
    variant: Variant, options: Mapping[str, object], inputs: object
) -> tuple[dict[str, object], list[str]]:
    """Put options and inputs together as they would be sent, and name every fault.

    Parameters
    ----------
    variant : Variant
        What they are checked against.
    options : Mapping
        What has an option of its own, under the service's name; None where it was not given.
    inputs : object
        Any other input by name, as the user gave it: a mapping, or a fault.

    Returns
    -------
    dict
        The inputs as they would be sent, sorted as the variant lists them.
    list of str
        The faults, one line each.
    """
    faults: list[str] = []
    asked = {name: value for name, value in options.items() if value is not None}
    for name, value in _named(inputs, faults).items():
        if name in asked:
            faults.append(f"{name} is given twice, by {_OPTIONS[name]} and among the inputs; drop one")
        else:
            asked[name] = value
    sent: dict[str, object] = {}
    for name, value in asked.items():
        _check_one(variant, name, value, sent, faults)
    faults += [_missing(variant, name) for name in variant.required if name not in sent and name not in asked]
    _state_switches(variant, asked, sent)
    return {name: sent[name] for name in variant.inputs if name in sent}, faults


def checked_prompt(variant: Variant, text: str) -> tuple[str | None, list[str]]:
    """Give a text as it would be sent, None for an empty one, and its faults."""
    faults: list[str] = []
    sent: dict[str, object] = {}
    _check_prompt(variant, text, sent, faults)
    return (str(sent["prompt"]) if sent else None), faults


def is_image_input(name: str) -> bool:
    """Whether an input of this name holds one picture."""
    return name == "image" or name.endswith("_image")


def normal_prompt(text: str) -> str:
    r"""Give a prompt as it is sent: line ends as ``\n``, the ends trimmed, everything else byte for byte."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _named(inputs: object, faults: list[str]) -> dict[str, object]:
    """Take the inputs that have a usable name."""
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        faults.append(f"inputs must be a mapping of names to values, not {shown(inputs)}")
        return {}
    named: dict[str, object] = {}
    for name, value in inputs.items():
        if isinstance(name, str):
            named[name] = value
        else:
            faults.append(f"the name of an input must be text, not {shown(name)}")
    return named


def _check_one(
    variant: Variant, name: str, value: object, sent: dict[str, object], faults: list[str]
) -> None:
    """Check one input; put it among those to be sent, or name its fault."""
    if name in FORBIDDEN:
        faults.append(f"{name} cannot be set: clips are always fetched by polling; drop it")
    elif name == "duration":
        _check_duration(variant, value, sent, faults)
    elif name == "prompt" and isinstance(value, str) and variant.has(name):
        _check_prompt(variant, value, sent, faults)
    elif not variant.has(name):
        faults.append(_unknown(variant, name))
    elif is_image_input(name):
        _check_image(name, value, sent, faults)
    else:
        _check_plain(variant, name, value, sent, faults)


def _check_prompt(variant: Variant, text: str, sent: dict[str, object], faults: list[str]) -> None:
    """Check the text; an empty one is none."""
    text = normal_prompt(text)
    fault = text_fault(text)
    longest = variant.schema["properties"]["prompt"].get("maxLength")
    if fault:
        faults.append(f"the prompt {fault}")
    elif longest is not None and len(text) > longest:
        faults.append(
            f"the prompt is {len(text)} characters long; {variant.name} takes at most {longest}: "
            f"cut {len(text) - longest}"
        )
    elif text:
        sent["prompt"] = text
    elif "prompt" in variant.required:
        faults.append(_missing(variant, "prompt"))


def _check_duration(variant: Variant, value: object, sent: dict[str, object], faults: list[str]) -> None:
    """Check the length; the only one there is may be asked for, and is sent where there is such an input."""
    try:
        seconds = plain(value)
    except NotPlain as error:
        faults.append(f"duration {error}")
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        faults.append(f"duration must be a number of seconds, not {shown(seconds)}")
    elif variant.has("duration"):
        problems = _schema_faults(variant, "duration", seconds)
        if problems:
            faults.append(_not_offered(variant, seconds) if variant.lengths_s else problems[0])
        else:
            sent["duration"] = seconds
    elif seconds not in variant.lengths_s:
        faults.append(_not_offered(variant, seconds))


def _check_image(name: str, value: object, sent: dict[str, object], faults: list[str]) -> None:
    """Check a picture: one that was read already, or a public address."""
    if isinstance(value, str):
        try:
            value = ImageRef.of_address(value)
        except ValueError as error:
            faults.append(f"{name} {shown(value)}: {error}; a file goes by image= (--image in a cell)")
            return
    if not isinstance(value, ImageRef):
        faults.append(f"{name} must be a picture, not {shown(value)}")
        return
    try:
        plain(dict(value.identity))
    except (NotPlain, ValueError, TypeError) as error:
        faults.append(f"{name} {error}")
        return
    sent[name] = value


def _check_plain(
    variant: Variant, name: str, value: object, sent: dict[str, object], faults: list[str]
) -> None:
    """Check an input that is neither prompt, length nor picture."""
    try:
        kept = plain(value)
    except NotPlain as error:
        faults.append(f"{name} {error}")
        return
    problems = _schema_faults(variant, name, kept)
    faults += problems
    if not problems:
        sent[name] = kept


def _state_switches(variant: Variant, asked: Mapping[str, object], sent: dict[str, object]) -> None:
    """Send explicitly what decides over price, wait or text, so that no default of the service does."""
    # Sources disagree on the service's default for prompt expansion, so that one is stated always.
    for name in ("enable_prompt_expansion", "go_fast"):
        if variant.has(name) and name not in asked:
            sent[name] = bool(variant.default(name))
    if variant.has("duration") and "duration" not in asked and variant.lengths_s:
        sent["duration"] = variant.lengths_s[0]


def _missing(variant: Variant, name: str) -> str:
    """Say which input is missing and how to give it."""
    if name == "prompt":
        return f"the prompt is missing: {variant.name} needs a text that says what the clip shows"
    if name == "image":
        return f"the image is missing: {variant.name} starts from a picture; give --image (image= in Python)"
    return f"{name} is missing: {variant.name} needs it; give --set {name}=... (inputs= in Python)"


def _unknown(variant: Variant, name: str) -> str:
    """Say that there is no such input, and where there is one."""
    elsewhere = _others_with(variant, name)
    said = shown(name, 60)[1:-1]
    if name in _OPTIONS and elsewhere:
        return (
            f"{variant.name} takes no {name}; {_listed(elsewhere)} {'do' if len(elsewhere) > 1 else 'does'}"
        )
    near = get_close_matches(name.lower()[:80], variant.inputs, n=1, cutoff=0.6)
    owners = f"{_listed(elsewhere)} {'have' if len(elsewhere) > 1 else 'has'} it" if elsewhere else ""
    if near:
        hint = f'did you mean "{near[0]}"?' + (f" ({owners})" if owners else "")
        return f'{variant.name} has no input "{said}"; {hint}'
    if owners:
        return f'{variant.name} has no input "{said}"; {owners}'
    return f'{variant.name} has no input "{said}"; it takes {", ".join(variant.inputs) or "none"}'


def _not_offered(variant: Variant, seconds: int | float) -> str:
    """Say which lengths there are, and who makes the one that was asked for."""
    if not variant.lengths_s:
        return f"{variant.name} has no choice of duration; drop it"
    ordered = sorted(variant.lengths_s)
    if len(ordered) > 3 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        offered = f"{ordered[0]} to {ordered[-1]}"
    else:
        offered = " or ".join(map(str, ordered))
    others = [v.name for v in _relatives(variant) if v.has("duration") and seconds in v.lengths_s]
    hint = f"; {shown(seconds)} s: {_listed(others[:3])}" if others else ""
    return f"{variant.name} makes {offered} s, not {shown(seconds)}{hint}"


def _others_with(variant: Variant, name: str) -> list[str]:
    """Name at most three other variants that have an input, the nearest relative first."""
    return [other.name for other in _relatives(variant, alike=False) if other.has(name)][:3]


def _relatives(variant: Variant, *, alike: bool = True) -> list[Variant]:
    """Give the other variants, those of the same family first; `alike` keeps the same kind only."""
    family, _, last = variant.model_id.rpartition("/")
    twin = last.replace("t2v", "i2v").replace("text-to", "image-to")
    others = [
        v for v in all_variants() if v.model_id != variant.model_id and (not alike or v.kind == variant.kind)
    ]
    return sorted(
        others, key=lambda v: (not v.model_id.startswith(family), not v.model_id.endswith(f"/{twin}"))
    )


def _schema_faults(variant: Variant, name: str, value: object) -> list[str]:
    """Check a value against the published schema of its input."""
    facts = variant.schema["properties"][name]
    try:
        found = list(_validator(json.dumps(facts)).iter_errors(value))
    except (ValueError, RecursionError):
        # It is nothing that JSON has: a Python object, a number key, half of a character.
        kind = str(facts.get("type", ""))
        return [f"{name} must be {_TYPE_WORDS.get(kind, kind or 'plain JSON')}, not {shown(value)}"]
    return [_said(variant, name, facts, error.schema_path, error.instance_path, value) for error in found]


@lru_cache(maxsize=512)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """Give the validator of one input; making one takes as long as a hundred checks with it."""
    # The package jsonschema takes about 1 s to load beside JupyterLab, which brings its format checkers; this one
    # about 20 ms.
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(schema))


def _said(
    variant: Variant,
    name: str,
    facts: Mapping[str, Any],
    in_schema: Sequence[str | int],
    in_value: Sequence[str | int],
    value: Any,
) -> str:
    """Put one finding of the schema into words: where in the schema, where in the value."""
    limit: Any = facts
    for part in in_schema:
        limit = limit[part]
    for step in in_value:
        value = value[step]
    rule = str(in_schema[-1])
    where = name + "".join(f"[{step}]" for step in in_value)
    if rule == "type":
        return f"{where} must be {_TYPE_WORDS.get(str(limit), str(limit))}, not {shown(value)}"
    if rule == "enum":
        return f"{where} must be {_choices(limit)}, not {shown(value)}{_nearest(value, limit)}"
    if rule == "maxLength":
        return f"{where} is {len(value)} characters long; {variant.name} takes at most {limit}"
    if rule == "maxItems":
        return f"{where} has {len(value)} entries; {variant.name} takes at most {limit}"
    if rule in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return f"{where} must be {_range(facts)}, not {shown(value)}"
    return f"{where} is not what {variant.name} takes ({rule} {shown(limit)})"


def _range(facts: Mapping[str, Any]) -> str:
    """Put the limits of a number into words."""
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "over",
        "maximum": "at most",
        "exclusiveMaximum": "under",
    }
    return " and ".join(f"{word} {shown(facts[rule])}" for rule, word in words.items() if rule in facts)


def _choices(values: Sequence[object]) -> str:
    """List what may be chosen."""
    texts = [shown(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}" if texts else "nothing"


def _nearest(value: object, choices: Sequence[object]) -> str:
    """Give the choice that was probably meant."""
    known = [choice for choice in choices if isinstance(choice, str)]
    near = get_close_matches(value[:80], known, n=1, cutoff=0.6) if isinstance(value, str) else []
    return f'; did you mean "{near[0]}"?' if near else ""


def _listed(names: Sequence[str]) -> str:
    """Join names as one says them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
