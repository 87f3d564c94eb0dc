"""Reads the line of ``%%hailuo`` and of ``%hailuo``.

In comes one line of text; out goes a frozen `CellOptions` or `LineCommand`, or one `InvalidRequest` that
names every mistake of the line. Next: the magics, which resolve ``$name`` with `resolve` and hand everything
to the session.

Nothing is expanded, guessed or shortened here: what is not exactly an option or a variant is a mistake with
the nearest right name, because what is typed here costs money.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

from hailuo_nb.errors import InvalidRequest, UnknownVariant
from hailuo_nb.notebook.option_table import CELL_OPTIONS, COMMANDS, Command, Option
from hailuo_nb.notebook.option_values import READERS, Fault, from_python, is_variable, key_of, variable_fault
from hailuo_nb.notebook.option_words import (
    KEY_OPTIONS,
    KEY_WORD,
    NO_KEYS_HERE,
    REFERENCE,
    Word,
    cut,
    looks_like_key,
    shown,
    without_keys,
)

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
    chain : bool
        The prompts follow each other: ``%%hailuo chain t2v-pro i2v-pro``.
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
    chain: bool = False
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
    words = without_keys(cut(rest, faults), faults)
    given, others = _sort_words(words, CELL_OPTIONS, faults, _variant_test(variants))
    if _asks_help(given) and NO_KEYS_HERE not in faults:
        return CellOptions(help=True)
    values, references = _read_all(given, faults)
    if target is not None:
        values["target"] = target
    if others and others[0].text == "chain":
        values["chain"], others = True, others[1:]
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
    words = cut(line, faults)
    if not words or words[0].text in {"-h", "--help"}:
        return LineCommand("help")
    command = _command(words[0].text)
    takes_ids = any(argument.kind == "id" for argument in command.arguments)
    kept = without_keys(words[1:], faults, may_hold_ids=takes_ids)
    if command.name == "key" and any(not word.is_option and word.text != "status" for word in kept):
        faults.append(NO_KEYS_HERE)
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
            value = from_python(option, namespace[reference.name], key)
            _keep(values, option, value, start=getattr(options, option.field))
        except Fault as fault:
            faults.append(f"{spelling} ${reference.name}: {fault}")
    if not faults:
        _check_together({**_said(options), **values}, set(), faults)
    if faults:
        _refuse(faults, [])
    return replace(options, **values, references=())


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
    if is_variable(name) and not looks_like_key(name):
        return name, line[match.end() :], []
    if looks_like_key(name):
        return None, line[match.end() :], [NO_KEYS_HERE]
    return None, line[match.end() :], [variable_fault("<<", name, "fox << t2v-pro")]


def _sort_words(
    words: Sequence[Word], table: Sequence[Option], faults: list[str], is_known: Callable[[str], bool]
) -> tuple[list[_Given], list[Word]]:
    """Part options with their values from the other words."""
    by_spelling = {spelling: option for option in table for spelling in option.spellings}
    given: list[_Given] = []
    others: list[Word] = []
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
            faults.append(f"{shown(spelling)} is no option: {hint}")
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
        elif option.is_value_optional:
            given.append(_Given(option, spelling))
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
        except Fault as fault:
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
        match = REFERENCE.fullmatch(text)
        return (f"{name} {key_of(option, key)}", Reference(match[1])) if match else None
    match = REFERENCE.fullmatch(text)
    if match and option.kind in {"axis", "setting"}:
        return None
    return (name, Reference(match[1])) if match else None


def _keep(values: dict[str, Any], option: Option, value: Any, start: Any = None) -> None:
    """Put a value where it belongs, beside those that are there already."""
    known = values.get(option.field, start)
    if option.kind in {"axis", "setting"}:
        (key, item), known = value, known or {}
        if key in known:
            raise Fault(f"{option.name} {key} is given twice: leave one out.")
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
    if not text.strip() and option.is_value_optional:
        return ""
    if not text.strip():
        raise Fault(f"{item.spelling} needs a value, as {option.example}.")
    return READERS[option.kind](option, text)


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
    from hailuo_nb.catalog.variants import find, looks_like_model_id

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
    return f'No variant {shown(word)}: {hint} Any full model id "a/b/c" works too.'


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
        text = shown(" ".join(unknown))
        return [
            f"{text} are no variants: a prompt goes on the lines below, and a value with blanks in quotes."
        ]
    return list(unknown.values())


def _command(name: str) -> Command:
    """Find a command of ``%hailuo``."""
    by_name = {command.name: command for command in COMMANDS}
    found = by_name.get(name)
    if found is None:
        if looks_like_key(name) or KEY_WORD.fullmatch(name) or KEY_OPTIONS.fullmatch(name.partition("=")[0]):
            _refuse([NO_KEYS_HERE], [])
        near = get_close_matches(name.lower(), by_name, 1, 0.5)
        hint = f"did you mean %hailuo {near[0]}?" if near else "%hailuo help lists the commands."
        _refuse([f"%hailuo has no command {shown(name)}: {hint}"], [])
    return found


def _is_usd(text: str) -> bool:
    """Whether a word is a sum of money."""
    try:
        return Decimal(text.removeprefix("$")).is_finite() and not text.startswith("-")
    except InvalidOperation:
        return False


def _check_arguments(command: Command, args: Sequence[str], faults: list[str]) -> None:
    """Check how many words follow a command, and those that name variants or commands."""
    usage = f"write %hailuo help {command.name} to see what it takes"
    if not command.arguments:
        if args:
            faults.append(f"%hailuo {command.name} takes no words: leave out {shown(' '.join(args))}.")
        return
    needed = [argument for argument in command.arguments if argument.is_required]
    faults += [
        f"%hailuo {command.name} needs {each.name}, {each.help}"
        + ("; %hailuo jobs lists them." if each.kind == "id" else ".")
        for each in needed[len(args) :]
    ]
    argument = command.arguments[0]
    most = len(command.arguments)
    if len(args) > most and not any(each.is_many for each in command.arguments):
        names = " and ".join(each.name for each in command.arguments)
        faults.append(f"%hailuo {command.name} takes one {names}, not {len(args)}: {usage}.")
    elif argument.kind == "usd" and args and not _is_usd(args[0]):
        faults.append(
            f"%hailuo {command.name} takes a sum in US dollars, as 5 or 2.50, not {shown(args[0])}."
        )
    elif argument.kind == "command" and args and args[0] not in {known.name for known in COMMANDS}:
        near = get_close_matches(args[0].lower(), [known.name for known in COMMANDS], 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "%hailuo help lists them."
        faults.append(f"No command {shown(args[0])}: {hint}")
    elif argument.kind == "variant":
        faults += [fault for word in args if (fault := _variant_fault(word, None))]
