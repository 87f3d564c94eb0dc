"""Reads the line of ``%%hailuo`` and of ``%hailuo``.

In comes one line of text; out goes a frozen `CellOptions` or `LineCommand`, or one `InvalidRequest` that
names every mistake of the line. Next: the magics, which resolve ``$name`` with `resolve` and hand everything to
the session.

Nothing is expanded, guessed or shortened here: what is not exactly an option or a variant is a mistake with
the nearest right name, because what is typed here costs money.
"""

from __future__ import annotations

import json
import keyword
import math
import operator
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from itertools import islice
from types import MappingProxyType
from typing import Any, NoReturn

from hailuo_nb.errors import InvalidRequest, UnknownVariant
from hailuo_nb.notebook.option_table import CELL_OPTIONS, COMMANDS, Command, Option

__all__ = [
    "CellOptions",
    "LineCommand",
    "Reference",
    "looks_like_key",
    "parse_cell_line",
    "parse_line",
    "resolve",
]

_TARGET = re.compile(r"\s*([^\s<]*)\s*<<(?:\s+|$|(?=[\w-]))")
_REFERENCE = re.compile(r"\$([^\W\d]\w*)")
_NUMBER = re.compile(r"-\.?\d")
_OPENS_QUOTE = re.compile(r"(?:^|[\s=|])$")
_KEY_OPTIONS = re.compile(
    r"(?i)[-–—]+(?:[a-z]+[-_])*(?:api|key|token|secret|password|bearer|auth\w*)(?:[-_]?key)?s?"
)
_KEY_WORD = re.compile(r"(?i)(?:\w*(?:api_?key|token|secret|password)\w*[=:].*|bearer|authorization:?)")
_KEY_FIELD = re.compile(r"(?i)(?:\w*_)?(?:api_?key|access_?key|token|secret|password|authorization)")
_KEY_PREFIX = re.compile(r"(?i)(?:sk|pk|ws|wsk|hf|ghp|key|api)[-_](?=[\w-]*\d)[\w-]{16,}")
_PREDICTION = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_KEYS_HERE = (
    "A key does not belong on this line, because it would be saved in the notebook: take it away, then run "
    "%hailuo key or set WAVESPEED_API_KEY in the environment."
)
_HINTS = {
    "--force": "more clips come from --takes, another prompt or the card's own button",
    "--prompt": "write the prompt on the lines below",
    "--negative-prompt": "write --set negative_prompt=... for a model that has it",
    "--resolution": "write --set resolution=... for a model that has it, or take a variant of that size",
    "--size": "write --set size=... for a model that has it, or take a variant of that size",
    "--aspect-ratio": "write --set aspect_ratio=... for a model that has it",
    "--variant": "write the variant itself, as %%hailuo t2v-pro",
    "--model": "write the variant itself, as %%hailuo t2v-pro",
    "--output": "did you mean -o?",
    "--out": "did you mean -o?",
    "--length": "did you mean --duration?",
    "--seconds": "did you mean --duration?",
    "--count": "did you mean --takes?",
    "--repeat": "did you mean --takes?",
    "--number": "did you mean --takes?",
    "--budget": "did you mean --max-cost?",
    "--df": "did you mean --from?",
    "--async": "did you mean --no-wait?",
    "--block": "did you mean --wait?",
}


@dataclass(frozen=True)
class Reference:
    """A variable of the notebook, written ``$name``.

    Attributes
    ----------
    name : str
        Without the ``$``.
    """

    name: str


def _nothing() -> Mapping[str, Any]:
    """Give a mapping that is empty and stays so."""
    return MappingProxyType({})


@dataclass(frozen=True)
class CellOptions:
    """What a ``%%hailuo`` line says; what it does not say has the default.

    Attributes
    ----------
    variants : tuple of str
        Empty for the variant of the settings.
    target, output : str or None
        The variable of ``name <<`` and of ``-o``; never both.
    durations : tuple of int
        Seconds.
    image : object
        As written, ``{{expr}}`` included; whatever the variable holds after `resolve`.
    vary : Mapping
        Values by axis; texts as written, or the items of a list after `resolve`.
    sets : Mapping
        Other inputs, values read as in JSON.
    set_texts : Mapping
        The same as written, for inputs whose schema says that they are text.
    max_cost : Decimal or None
        US dollars.
    expand, go_fast, wait : bool or None
        None when the line does not say.
    references : tuple of (str, Reference)
        What is still to be looked up in the notebook, by option: ``("--vary light", Reference("lights"))``.
    """

    variants: tuple[str, ...] = ()
    target: str | None = None
    durations: tuple[int, ...] = ()
    takes: int = 1
    image: object = None
    fit: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    vary: Mapping[str, Sequence[object]] = field(default_factory=_nothing)
    zips: tuple[tuple[str, ...], ...] = ()
    sample: int | None = None
    seed: int | None = None
    from_name: str | None = None
    file: str | None = None
    raw: bool = False
    expand: bool | None = None
    go_fast: bool | None = None
    sets: Mapping[str, Any] = field(default_factory=_nothing)
    set_texts: Mapping[str, str] = field(default_factory=_nothing)
    skip_invalid: bool = False
    dry_run: bool = False
    offline: bool = False
    wait: bool | None = None
    yes: bool = False
    max_cost: Decimal | None = None
    max_clips: int | None = None
    output: str | None = None
    help: bool = False
    references: tuple[tuple[str, Reference], ...] = ()


@dataclass(frozen=True)
class LineCommand:
    """What a ``%hailuo`` line says.

    Attributes
    ----------
    name : str
        The command; ``help`` for an empty line.
    args : tuple of str
        The words after it.
    options : Mapping
        The options that were given, by field: ``{"timeout": 60}``. ``{"help": True}`` asks for the help text.
    """

    name: str
    args: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=_nothing)


class _Fault(ValueError):
    """One mistake, as one line."""


@dataclass(frozen=True)
class _Word:
    """One word of a line, without its quotes."""

    text: str
    is_quoted: bool = False

    @property
    def is_option(self) -> bool:
        """Whether it is meant as an option."""
        return not self.is_quoted and self.text[:1] in {"-", "–", "—"} and not _NUMBER.match(self.text)


@dataclass(frozen=True)
class _Given:
    """An option as it was given: with its text, or on or off."""

    option: Option
    spelling: str
    text: str = ""


def parse_cell_line(
    line: str, variants: Callable[[str], object] | Collection[str] | None = None
) -> CellOptions:
    """Read the line of a ``%%hailuo`` cell.

    Parameters
    ----------
    line : str
        What follows ``%%hailuo``.
    variants : callable or collection of str, optional
        What says whether a word is a variant: a function that raises `UnknownVariant` (the catalogue's by
        default), or the names themselves.

    Returns
    -------
    CellOptions
        With `Reference` objects for ``$name`` that `resolve` looks up.

    Raises
    ------
    UnknownVariant
        The only mistakes are words that are no variants.
    InvalidRequest
        There are others; ``faults`` has them all.

    Examples
    --------
    >>> options = parse_cell_line("fox << t2v-pro --takes 2", ["t2v-pro"])
    >>> options.target, options.variants, options.takes
    ('fox', ('t2v-pro',), 2)
    """
    target, rest, faults = _split_target(line)
    words = _safe_words(rest, faults)
    given, others = _sort_words(words, CELL_OPTIONS, faults, _variant_test(variants))
    if _asks_help(given) and _NO_KEYS_HERE not in faults:
        return CellOptions(help=True)
    values, references = _read_all(given, faults)
    if target is not None:
        values["target"] = target
    _check_together(values, {name for name, _ in references}, faults)
    unknown = _check_variants([word.text for word in others], variants, faults)
    if faults or unknown:
        _refuse(faults, unknown)
    values["variants"] = tuple(word.text for word in others)
    return CellOptions(**values, references=tuple(references))


def parse_line(line: str) -> LineCommand:
    """Read what follows ``%hailuo``.

    Raises
    ------
    InvalidRequest
        No such command, one that is not built yet, or mistakes in what follows; ``faults`` has them all.

    Examples
    --------
    >>> parse_line("wait 3 --timeout 60").options["timeout"]
    60
    """
    faults: list[str] = []
    words = _words(line, faults)
    if not words or words[0].text in {"-h", "--help"}:
        return LineCommand("help")
    command = _command(words[0].text)
    takes_ids = any(argument.kind == "id" for argument in command.arguments)
    kept = _without_keys(words[1:], faults, may_hold_ids=takes_ids)
    if command.name == "key" and any(not word.is_option for word in kept):
        faults.append(_NO_KEYS_HERE)
        kept = [word for word in kept if word.is_option]
    given, others = _sort_words(kept, command.options, faults, lambda _: False)
    if _asks_help(given) and not faults:
        return LineCommand(command.name, (), MappingProxyType({"help": True}))
    values, references = _read_all(given, faults)
    faults += [f"{name} ${found.name}: write the value itself here." for name, found in references]
    args = tuple(word.text for word in others)
    _check_arguments(command, args, faults)
    if faults:
        _refuse(list(dict.fromkeys(faults)), [])
    return LineCommand(command.name, args, MappingProxyType(values))


def resolve(options: CellOptions, namespace: Mapping[str, Any]) -> CellOptions:
    """Look up every ``$name`` in the notebook.

    Parameters
    ----------
    options : CellOptions
        As read.
    namespace : Mapping
        The notebook's variables.

    Returns
    -------
    CellOptions
        Without references.

    Raises
    ------
    InvalidRequest
        Names that are not there, and values that their option cannot take.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    if options.from_name is not None and options.from_name not in namespace:
        faults.append(_missing_variable("--from", options.from_name, namespace))
    for spelling, reference in options.references:
        if reference.name not in namespace:
            faults.append(_missing_variable(spelling, reference.name, namespace))
            continue
        name, _, key = spelling.partition(" ")
        option = next(option for option in CELL_OPTIONS if option.name == name)
        try:
            value = _from_python(option, namespace[reference.name], key)
            _keep(values, option, value, start=getattr(options, option.field))
        except _Fault as fault:
            faults.append(f"{spelling} ${reference.name}: {fault}")
    if not faults:
        _check_together({**_said(options), **values}, set(), faults)
    if faults:
        _refuse(faults, [])
    return replace(options, **values, references=())


def looks_like_key(text: str) -> bool:
    """Say whether a word looks like an API key: long, and not like what a person would write here."""
    if _KEY_PREFIX.fullmatch(text) or _PREDICTION.fullmatch(text):
        return True
    if any(len(run) >= 40 or _changes(run) >= 3 for run in re.findall(r"[A-Za-z0-9]{24,}", text)):
        return True
    return any(_changes(run) >= 6 for run in re.findall(r"[\w+=-]{32,}", text, re.ASCII))


def _changes(run: str) -> int:
    """Count how often a run of characters goes from letters to digits or back."""
    return len(re.findall(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", run))


def _refuse(faults: Sequence[str], unknown: Sequence[str]) -> NoReturn:
    """Raise one error for all mistakes."""
    every = (*faults, *unknown)
    message = every[0]
    if len(every) > 1:
        numbered = " ".join(f"({number}) {fault}" for number, fault in enumerate(every, 1))
        message = f"{len(every)} mistakes: {numbered}"
    raise (InvalidRequest if faults else UnknownVariant)(message, faults=every)


def _split_target(line: str) -> tuple[str | None, str, list[str]]:
    """Take ``name <<`` off the front of a line."""
    match = _TARGET.match(line)
    if match is None:
        return None, line, []
    name = match[1]
    if _is_variable(name) and not looks_like_key(name):
        return name, line[match.end() :], []
    if looks_like_key(name):
        return None, line[match.end() :], [_NO_KEYS_HERE]
    return None, line[match.end() :], [_variable_fault("<<", name, "fox << t2v-pro")]


def _is_variable(text: str) -> bool:
    """Whether Python takes a text as the name of a variable."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _variable_fault(what: str, text: str, example: str) -> str:
    """Say that a text cannot name a variable."""
    got = f"; {_shown(text)} is none" if text else ""
    return f"{what} needs the name of a Python variable, as {example}{got}."


def _words(line: str, faults: list[str]) -> list[_Word]:
    """Cut a line into words; quotes and ``{{ }}`` hold one together, and a backslash is only a backslash."""
    words: list[_Word] = []
    text, is_quoted, is_open, position = "", False, False, 0
    while position < len(line):
        sign = line[position]
        if sign.isspace():
            if is_open:
                words.append(_Word(text, is_quoted))
            text, is_quoted, is_open = "", False, False
            position += 1
            continue
        if line.startswith("{{", position) and (end := line.find("}}", position)) > 0:
            text, position = text + line[position : end + 2], end + 2
        elif sign in "'\"" and _OPENS_QUOTE.search(line[max(0, position - 1) : position]):
            is_quoted = is_quoted or not is_open
            inside, position = _quoted(line, position)
            if position < 0:
                faults.append(f"The quote {sign} is not closed: close it, or take it away.")
                return [*words, _Word(text + inside, is_quoted=True)]
            text += inside
        else:
            text, position = text + sign, position + 1
        is_open = True
    return [*words, _Word(text, is_quoted)] if is_open else words


def _quoted(line: str, start: int) -> tuple[str, int]:
    """Read a quoted text from its opening quote on; the position after it, or -1."""
    quote, inside, position = line[start], "", start + 1
    while position < len(line):
        sign = line[position]
        # A backslash escapes a quote only if another one can still close: "C:\clips\" stays a folder.
        if sign == "\\" and line[position + 1 : position + 2] == quote and quote in line[position + 2 :]:
            inside, position = inside + quote, position + 2
        elif sign == quote:
            return inside, position + 1
        else:
            inside, position = inside + sign, position + 1
    return inside, -1


def _safe_words(line: str, faults: list[str]) -> list[_Word]:
    """Cut a line into words, and take away what looks like a key."""
    return _without_keys(_words(line, faults), faults)


def _without_keys(words: Sequence[_Word], faults: list[str], *, may_hold_ids: bool = False) -> list[_Word]:
    """Take away what looks like a key, with one fault that shows nothing of it."""
    kept: list[_Word] = []
    found = swallow = False
    for word in words:
        name, _, value = word.text.partition("=")
        if word.is_option and _KEY_OPTIONS.fullmatch(name):
            found, swallow = True, not value
        elif swallow and not word.is_option:
            swallow = False
        elif _KEY_WORD.fullmatch(word.text):
            found, swallow = True, word.text[-1:] not in "=:" or "=" not in word.text
        elif _holds_key(word, kept[-1].text if kept else "", may_hold_ids=may_hold_ids):
            found = True
            if kept and kept[-1].is_option and "=" not in kept[-1].text and _wants_value(kept[-1].text):
                kept.pop()
        else:
            kept.append(word)
            swallow = False
    if found and _NO_KEYS_HERE not in faults:
        faults.append(_NO_KEYS_HERE)
    return kept


def _wants_value(spelling: str) -> bool:
    """Whether an option of this spelling takes a value."""
    return any(option.takes_value and spelling in option.spellings for option in CELL_OPTIONS)


def _holds_key(word: _Word, before: str, *, may_hold_ids: bool) -> bool:
    """Whether a word has a key in it; files and addresses may have long names."""
    name, _, value = word.text.partition("=")
    text = value if word.is_option and value else word.text
    is_file = {name if word.is_option else "", before} & {"--image", "--file"}
    if _REFERENCE.fullmatch(text) or "://" in text or "{{" in text:
        return False
    if is_file and re.search(r"[/\\]|\.\w{1,5}$", text):
        return False
    return looks_like_key(text) and not (may_hold_ids and _PREDICTION.fullmatch(text))


def _sort_words(
    words: Sequence[_Word], table: Sequence[Option], faults: list[str], is_known: Callable[[str], bool]
) -> tuple[list[_Given], list[_Word]]:
    """Part options with their values from the other words."""
    by_spelling = {spelling: option for option in table for spelling in option.spellings}
    given: list[_Given] = []
    others: list[_Word] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.is_option:
            others.append(word)
            continue
        spelling, equals, value = word.text.partition("=")
        if re.match(r"-[dn]\d", spelling):
            spelling, equals, value = spelling[:2], "=", spelling[2:]
        option = by_spelling.get(spelling)
        if option is None:
            near, hint = _nearest_option(spelling, by_spelling)
            faults.append(f"{_shown(spelling)} is no option: {hint}")
            is_value = queue and not queue[0].is_option and not is_known(queue[0].text)
            if not equals and is_value and (near is None or near.takes_value):
                queue.pop(0)
        elif not option.takes_value:
            if equals:
                faults.append(f"{spelling} takes no value: write {' or '.join(option.spellings)}.")
            else:
                given.append(_Given(option, spelling))
        elif equals or (queue and not queue[0].is_option):
            given.append(_Given(option, spelling, value if equals else queue.pop(0).text))
        else:
            faults.append(f"{spelling} needs a value, as {option.example}.")
    return given, others


def _nearest_option(spelling: str, known: Mapping[str, Option]) -> tuple[Option | None, str]:
    """Give the option that was meant, and the words that say so."""
    name = "--" + spelling.lstrip("-–—").lower().replace("_", "-")
    if name in _HINTS and "--takes" in known:
        return None, f"{_HINTS[name].rstrip('.?')}{'?' if _HINTS[name].endswith('?') else '.'}"
    near = [name] if name in known else get_close_matches(name, known, 1, 0.6)
    if not near and len(name) > 4:
        near = [spelled for spelled in known if spelled.startswith(name)][:1]
    if near:
        return known[near[0]], f"did you mean {near[0]}?"
    return None, "--help lists them."


def _asks_help(given: Iterable[_Given]) -> bool:
    """Whether help was asked for."""
    return any(item.option.field == "help" for item in given)


def _read_all(
    given: Sequence[_Given], faults: list[str]
) -> tuple[dict[str, Any], list[tuple[str, Reference]]]:
    """Read the values of all options."""
    values: dict[str, Any] = {}
    references: list[tuple[str, Reference]] = []
    seen: dict[str, str] = {}
    for item in given:
        option = item.option
        if option.name in seen and not option.is_repeatable:
            if item.spelling != seen[option.name] and option.kind == "switch":
                faults.append(f"{seen[option.name]} and {item.spelling} contradict: leave one out.")
            else:
                faults.append(f"{item.spelling} is given twice: leave one out.")
            continue
        seen[option.name] = item.spelling
        try:
            reference = _reference(item)
            if reference is not None:
                references.append(reference)
            else:
                _keep(values, option, _from_text(item))
                if option.kind == "setting":
                    key, _, text = item.text.partition("=")
                    values["set_texts"] = MappingProxyType({**values.get("set_texts", {}), key: text})
        except _Fault as fault:
            faults.append(str(fault))
    _check_repeats([name for name, _ in references], values, faults)
    return values, references


def _check_repeats(pending: Sequence[str], values: Mapping[str, Any], faults: list[str]) -> None:
    """Find axes and inputs of which one value is a text and another one a variable."""
    for number, spelling in enumerate(pending):
        name, _, key = spelling.partition(" ")
        known = values.get("vary" if name == "--vary" else "sets", {}) if key else {}
        if key and (key in known or spelling in pending[:number]):
            faults.append(f"{spelling} is given twice: leave one out.")


def _reference(item: _Given) -> tuple[str, Reference] | None:
    """Give the variable that stands for the value of an option, if one does."""
    option = item.option
    if option.kind == "variable":
        return None
    text, name = item.text, option.name
    if option.kind in {"axis", "setting"} and "=" in text:
        key, _, text = text.partition("=")
        match = _REFERENCE.fullmatch(text)
        return (f"{name} {_key_of(option, key)}", Reference(match[1])) if match else None
    match = _REFERENCE.fullmatch(text)
    if match and option.kind in {"axis", "setting"}:
        return None
    return (name, Reference(match[1])) if match else None


def _keep(values: dict[str, Any], option: Option, value: Any, start: Any = None) -> None:
    """Put a value where it belongs, beside those that are there already."""
    known = values.get(option.field, start)
    if option.kind in {"axis", "setting"}:
        (key, item), known = value, known or {}
        if key in known:
            raise _Fault(f"{option.name} {key} is given twice: leave one out.")
        values[option.field] = MappingProxyType({**known, key: item})
    elif option.is_repeatable:
        items = value if isinstance(value, list) else [value]
        values[option.field] = tuple(dict.fromkeys([*(known or ()), *items]))
    else:
        values[option.field] = value


def _from_text(item: _Given) -> Any:
    """Read one option's value."""
    option, text = item.option, item.text
    if option.kind == "flag":
        return True
    if option.kind == "switch":
        return item.spelling != option.off
    if not text.strip():
        raise _Fault(f"{item.spelling} needs a value, as {option.example}.")
    return _READERS[option.kind](option, text)


def _int(option: Option, text: str) -> int:
    """Read a whole number."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        raise _Fault(_number_fault(option, text))
    return _in_range(option, int(text))


def _in_range(option: Option, number: int) -> int:
    """Check a number against the option's limits."""
    if not option.least <= number <= option.most:
        raise _Fault(_number_fault(option, str(number)))
    return number


def _number_fault(option: Option, text: str) -> str:
    """Say which numbers an option takes."""
    if option.least < -1_000_000:
        limits = "a whole number"
    elif option.most >= 1_000_000:
        limits = f"a whole number from {option.least} on"
    else:
        limits = f"a whole number from {option.least} to {option.most}"
    if option.kind == "ints":
        limits = limits.replace("a whole number", "whole numbers of seconds") + " with commas between them"
    return f"{option.name} needs {limits}, as {option.example}; {_shown(text)} is none."


def _ints(option: Option, text: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[+-]?[0-9]{1,9}", part) for part in parts):
        raise _Fault(_number_fault(option, text))
    return _all_ints(option, [int(part) for part in parts])


def _all_ints(option: Option, numbers: Sequence[int]) -> tuple[int, ...]:
    """Check several numbers."""
    if len(set(numbers)) < len(numbers):
        raise _Fault(f"{option.name} names a value twice: name each once; more clips come from --takes.")
    return tuple(_in_range(option, number) for number in numbers)


def _usd(option: Option, text: str) -> Decimal:
    """Read a sum of dollars."""
    try:
        usd = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or not 0 <= usd <= 1_000_000 or usd != round(usd, 6) or "_" in text:
        raise _Fault(f"{option.name} needs US dollars, as {option.example} or 0.49; {_shown(text)} is none.")
    return usd


def _text(option: Option, text: str) -> str:
    """Read a text that stays on one line."""
    if not text.isprintable():
        raise _Fault(f"{option.name} holds a character that cannot be shown: take it away.")
    return text


def _label(option: Option, text: str) -> str:
    """Read a name that can be part of a file name everywhere."""
    label = _text(option, text).strip()
    if len(label) > 80:
        raise _Fault(f"{option.name} has {len(label)} characters: 80 are the most.")
    if re.search(r'[/\\:*?"<>|]', label) or label.startswith("."):
        raise _Fault(
            f'{option.name} {_shown(label)} cannot name a file: leave out / \\ : * ? " < > | and a first dot.'
        )
    return label


def _choice(option: Option, text: str) -> str:
    """Read one of the few values that an option has."""
    if text in option.choices:
        return text
    near = get_close_matches(text.lower(), option.choices, 1)
    hint = f"did you mean {near[0]}?" if near else f"write {' or '.join(option.choices)}."
    raise _Fault(f"{option.name} {_shown(text)}: {hint}")


def _axis(option: Option, text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``axis=a|b``."""
    name, equals, rest = text.partition("=")
    if not equals:
        raise _Fault(
            f"{option.name} needs an axis and its values, as {option.example}; {_shown(text)} is none."
        )
    values = tuple(value.strip() for value in rest.split("|"))
    if not all(values):
        raise _Fault(
            f"{option.name} {_key_of(option, name)} has an empty value: write one there, or take away its |."
        )
    return _key_of(option, name), values


def _names(option: Option, text: str) -> tuple[str, ...]:
    """Read the names of axes with commas between them."""
    return _all_names(option, [name.strip() for name in text.split(",")], text)


def _all_names(option: Option, names: Sequence[str], shown: str) -> tuple[str, ...]:
    """Check the names of axes."""
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise _Fault(
            f"{option.name} needs two or more axes, as {option.example}; {_shown(shown)} is none of that."
        )
    if len(set(names)) < len(names):
        raise _Fault(f"{option.name} names an axis twice: name each once.")
    return tuple(names)


def _setting(option: Option, text: str) -> tuple[str, object]:
    """Read ``key=value``."""
    key, equals, value = text.partition("=")
    if not equals:
        raise _Fault(
            f"{option.name} needs an input and its value, as {option.example}; {_shown(text)} is none."
        )
    name = _key_of(option, key)
    if _KEY_FIELD.fullmatch(name):
        raise _Fault(_NO_KEYS_HERE)
    return name, _json_like(option, name, value)


def _key_of(option: Option, text: str) -> str:
    """Check the name before a ``=``."""
    if not text.isidentifier():
        raise _Fault(f"{option.name} needs a name before the =, as {option.example}; {_shown(text)} is none.")
    return text


def _json_like(option: Option, name: str, text: str) -> object:
    """Read a value as JSON would; anything that is no JSON is text."""
    python = {"True": True, "False": False, "None": None}
    if text in python:
        return python[text]
    if not text.strip():
        raise _Fault(
            f'{option.name} {name} has no value: write one, or "" in single quotes for an empty text.'
        )
    try:
        value: object = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        raise _Fault(f"{option.name} {name} is too large a number: write a smaller one.")
    return value


def _variable(option: Option, text: str) -> str:
    """Read the name of a variable; a ``$`` before it is allowed where it is read from."""
    name = text.removeprefix("$") if option.name == "--from" else text
    if not _is_variable(name):
        raise _Fault(_variable_fault(option.name, text, option.example))
    return name


_READERS: dict[str, Callable[[Option, str], Any]] = {
    "int": _int, "ints": _ints, "usd": _usd, "text": _text, "label": _label, "choice": _choice,
    "image": _text, "path": _text, "axis": _axis, "names": _names, "setting": _setting, "variable": _variable,
}  # fmt: skip


def _from_python(option: Option, value: object, key: str) -> Any:
    """Check the value of a variable as if it had been written there."""
    if value is None:
        raise _Fault("it is None: give it a value, or leave the option out.")
    if option.kind in {"axis", "setting"}:
        return key, _items(value) if option.kind == "axis" else value
    if isinstance(value, os.PathLike):
        value = str(os.fspath(value))
    if isinstance(value, str):
        return _READERS[option.kind](option, value) if value.strip() else _unfit(option, value)
    return _PYTHON_READERS.get(option.kind, _unfit)(option, value)


def _python_int(option: Option, value: object) -> int:
    """Take a whole number."""
    return _in_range(option, _index(option, value))


def _python_ints(option: Option, value: object) -> tuple[int, ...]:
    """Take one whole number or a list of them."""
    numbers = _items(value) if isinstance(value, Iterable) else (value,)
    return _all_ints(option, [_index(option, number) for number in numbers])


def _python_usd(option: Option, value: object) -> Decimal:
    """Take a sum of dollars."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        _unfit(option, value)
    return _usd(option, str(value))


def _python_labels(option: Option, value: object) -> list[str]:
    """Take a list of tags."""
    if not option.is_repeatable:
        _unfit(option, value)
    return [_label(option, item) if isinstance(item, str) else _unfit(option, item) for item in _items(value)]


def _python_names(option: Option, value: object) -> tuple[str, ...]:
    """Take a list of axes."""
    names = [item if isinstance(item, str) else "" for item in _items(value)]
    return _all_names(option, names, "the list")


_PYTHON_READERS: dict[str, Callable[[Option, object], Any]] = {
    "image": lambda _, value: value,
    "int": _python_int,
    "ints": _python_ints,
    "usd": _python_usd,
    "label": _python_labels,
    "names": _python_names,
}


def _unfit(option: Option, value: object) -> NoReturn:
    """Say that a variable holds something that the option cannot take."""
    if isinstance(value, str):
        what = f"holds {_shown(value)}" if value.strip() else "is an empty text"
    else:
        what = f"is or holds a {type(value).__name__}"
    raise _Fault(f"it {what}; give what one would write, as {option.example}.")


def _index(option: Option, value: object) -> int:
    """Take a whole number of any kind; True and False are none."""
    if isinstance(value, bool):
        _unfit(option, value)
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - TypeError for what is none; the user's own class may raise anything
        _unfit(option, value)


def _items(value: object) -> tuple[object, ...]:
    """Take the items of a list of any kind."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise _Fault(f"it is of type {type(value).__name__}; make it a list, as ['dawn', 'dusk'].")
    if isinstance(value, set | frozenset):
        raise _Fault("it is a set, which has no order of its own; give sorted(...) of it.")
    try:
        items = tuple(islice(value, 100_001))
    except Exception as error:  # noqa: BLE001 - the user's own iterator may raise anything
        raise _Fault(f"its items cannot be read ({type(error).__name__}); make it a list.") from None
    if not items or len(items) > 100_000:
        raise _Fault(
            "it is empty; give it values." if not items else "it has over 100,000 values; give fewer."
        )
    return items


def _missing_variable(spelling: str, name: str, namespace: Mapping[str, Any]) -> str:
    """Say that a variable is not there, and which one may have been meant."""
    names = [known for known in namespace if isinstance(known, str) and not known.startswith("_")]
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else "run the cell that sets it first."
    return f"{spelling}: {name} is not defined in this notebook: {hint}"


def _said(options: CellOptions) -> dict[str, Any]:
    """Give the options that differ from their defaults."""
    plain = CellOptions()
    found = {item.name: getattr(options, item.name) for item in fields(options)}
    return {name: value for name, value in found.items() if value != getattr(plain, name)}


def _check_together(values: Mapping[str, Any], pending: Collection[str], faults: list[str]) -> None:
    """Find options that do not go together."""

    def has(name: str, field_name: str) -> bool:
        return field_name in values or any(item.split()[0] == name for item in pending)

    if "target" in values and "output" in values:
        faults.append(f"{values['target']} << and -o {values['output']} both keep the batch: leave one out.")
    if has("--seed", "seed") and not has("--sample", "sample"):
        faults.append(
            "--seed chooses what --sample takes: add --sample N, or leave it out (clips have no seed)."
        )
    if "raw" in values and has("--vary", "vary"):
        faults.append("--raw switches axes off: leave out --vary or --raw.")
    if "from_name" in values and has("--file", "file"):
        faults.append("--from and --file both give the prompts: leave one out.")
    if has("--fit", "fit") and not has("--image", "image") and "from_name" not in values:
        faults.append("--fit needs a picture: add --image, or leave it out.")
    zipped = [name for group in values.get("zips", ()) for name in group]
    twice = dict.fromkeys(name for name in zipped if zipped.count(name) > 1)
    faults += [f"--zip names {name} in two groups: name it in one." for name in twice]


def _variant_test(variants: Callable[[str], object] | Collection[str] | None) -> Callable[[str], bool]:
    """Make the test whether a word is a variant."""
    return lambda word: _variant_fault(word, variants) is None


def _variant_fault(word: str, variants: Callable[[str], object] | Collection[str] | None) -> str | None:
    """Say why a word is no variant, or None when it is one."""
    from hailuo_nb.catalog.variants import find, looks_like_model_id  # noqa: PLC0415 - loading the extension stays quick

    if looks_like_model_id(word):
        return None
    if variants is None or callable(variants):
        try:
            (variants or find)(word)
        except UnknownVariant as error:
            return str(error)
        return None
    if word in variants:
        return None
    near = get_close_matches(word.lower(), variants, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(variants)}."
    return f'No variant {_shown(word)}: {hint} Any full model id "a/b/c" works too.'


def _check_variants(
    words: Sequence[str], variants: Callable[[str], object] | Collection[str] | None, faults: list[str]
) -> list[str]:
    """Check the words that should be variants."""
    unknown = {word: fault for word in words if (fault := _variant_fault(word, variants))}
    if "<<" in words:
        faults.append("<< goes to the front, as fox << t2v-pro.")
        unknown.pop("<<", None)
    twice = dict.fromkeys(word for word in words if words.count(word) > 1)
    faults += [
        f"{word} is named twice: name it once; more clips come from --takes 2."
        for word in twice
        if word not in {"<<", *unknown}
    ]
    if len(unknown) > 2:
        text = _shown(" ".join(unknown))
        return [
            f"{text} are no variants: a prompt goes on the lines below, and a value with blanks in quotes."
        ]
    return list(unknown.values())


def _command(name: str) -> Command:
    """Find a command of ``%hailuo``."""
    by_name = {command.name: command for command in COMMANDS}
    found = by_name.get(name)
    if found is None:
        if (
            looks_like_key(name)
            or _KEY_WORD.fullmatch(name)
            or _KEY_OPTIONS.fullmatch(name.partition("=")[0])
        ):
            _refuse([_NO_KEYS_HERE], [])
        near = get_close_matches(name.lower(), by_name, 1, 0.5)
        hint = f"did you mean %hailuo {near[0]}?" if near else "%hailuo help lists the commands."
        _refuse([f"%hailuo has no command {_shown(name)}: {hint}"], [])
    if not found.is_built:
        _refuse([f"%hailuo {found.name} ({found.help}) is not built yet: %hailuo help lists what is."], [])
    return found


def _check_arguments(command: Command, args: Sequence[str], faults: list[str]) -> None:
    """Check how many words follow a command, and those that name variants or commands."""
    usage = f"write %hailuo help {command.name} to see what it takes"
    if not command.arguments:
        if args:
            faults.append(f"%hailuo {command.name} takes no words: leave out {_shown(' '.join(args))}.")
        return
    argument = command.arguments[0]
    if argument.is_required and not args:
        faults.append(
            f"%hailuo {command.name} needs {argument.name}, {argument.help}; %hailuo jobs lists them."
        )
    if len(args) > 1 and not argument.is_many:
        faults.append(f"%hailuo {command.name} takes one {argument.name}, not {len(args)}: {usage}.")
    elif argument.kind == "command" and args and args[0] not in {known.name for known in COMMANDS}:
        near = get_close_matches(args[0].lower(), [known.name for known in COMMANDS], 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "%hailuo help lists them."
        faults.append(f"No command {_shown(args[0])}: {hint}")
    elif argument.kind == "variant":
        faults += [fault for word in args if (fault := _variant_fault(word, None))]


def _shown(text: str) -> str:
    """Show a word in a message: on one line, short, in quotes, and nothing of a key."""
    if any(looks_like_key(word) for word in text.split()):
        return "that"
    clean = "".join(letter if letter.isprintable() else "·" for letter in text[:41])
    return f'"{clean}"' if len(clean) <= 40 else f'"{clean[:39]}…"'
