"""The line of a ``%%hailuo`` cell, and what follows ``%hailuo``.

In come a place and what the notebook knows; out go commands, variants, options and their values. Everything is read
from the tables in `hailuo_nb.notebook.option_table`, so a new option or command is completed as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hailuo_nb.notebook.completing.cursor import Place, Typed, fragment, typed
from hailuo_nb.notebook.completing.known import Answer, Candidate, Known, variant_named
from hailuo_nb.notebook.completing.prompt import expression
from hailuo_nb.notebook.completing.values import (
    Scene,
    argument_values,
    offered,
    option_values,
    ranked_variants,
    slots,
)
from hailuo_nb.notebook.option_table import CELL_OPTIONS, COMMANDS, Option
from hailuo_nb.notebook.option_values import is_variable
from hailuo_nb.notebook.option_words import Word, cut

__all__ = ["CellLine", "in_cell_line", "on_command_line", "read_cell_line"]

MOST_TARGETS = 20
_TARGET = re.compile(r"\s*([^\W\d]\w*)\s*<<\s*")
# What a variant must have for an option to mean anything.
_INPUT_OF = {
    "--go-fast": "go_fast",
    "--expand": "enable_prompt_expansion",
    "--image": "image",
    "--fit": "image",
}
_CLASHES = {"--raw": "--vary", "--vary": "--raw", "--file": "--from", "--from": "--file"}


@dataclass(frozen=True)
class CellLine:
    """What a line says, as far as it can be read while it is written."""

    given: tuple[tuple[Option, str], ...] = ()
    others: tuple[str, ...] = ()
    target: str = ""
    waiting: Option | None = None

    def said(self, name: str) -> list[str]:
        """Give the values of an option."""
        return [text for option, text in self.given if option.name == name]


def read_cell_line(line: str) -> CellLine:
    """Read the whole line of a cell, mistakes and all."""
    target = _TARGET.match(line)
    found = _read(cut(line[target.end() if target else 0 :], []), CELL_OPTIONS)
    return replace(found, target=target[1] if target else "")


def in_cell_line(place: Place, known: Known) -> Answer | None:
    """Complete the line of a cell."""
    target = _TARGET.match(place.before)
    skip = target.end() if target else 0
    now = typed(place.before[skip:])
    now = replace(now, start=now.start + skip)
    line = replace(_read(now.words, CELL_OPTIONS), target=target[1] if target else "")
    scene = _scene(line, place, known, CELL_OPTIONS, line.others)
    if "{{" in now.raw and "}}" not in now.raw:
        is_image = line.waiting is not None and line.waiting.kind == "image"
        return (
            expression(now.raw, now.start, known) if is_image or "--image=" in now.raw else Answer(now.start)
        )
    answer = _value(now, line, scene, CELL_OPTIONS)
    if answer is not None:
        return answer
    options = () if now.raw[:1] not in {"", "-"} else _options(CELL_OPTIONS, now.raw, line, scene)
    words = () if now.raw.startswith("-") else _cell_words(now, line, scene)
    is_named = any(variant_named(each) for each in line.others)
    return Answer(now.start, (*options, *words) if is_named else (*words, *options))


def on_command_line(place: Place, known: Known) -> Answer:
    """Complete what follows ``%hailuo``."""
    now = typed(place.before)
    scene = Scene(known, after=place.after)
    if not now.words:
        commands = (Candidate(each.name, "command") for each in COMMANDS)
        return offered(commands, fragment(now.raw, now.start), scene)
    command = next((each for each in COMMANDS if each.name == now.words[0].text), None)
    if command is None:
        return Answer(now.start)
    line = _read(now.words[1:], command.options)
    scene = replace(_scene(line, place, known, command.options, line.others), command=command.name)
    answer = _value(now, line, scene, command.options)
    if answer is not None and (answer.candidates or not (line.waiting and line.waiting.is_value_optional)):
        return answer
    options = () if now.raw[:1] not in {"", "-"} else _options(command.options, now.raw, line, scene)
    if now.raw.startswith("-"):
        return Answer(now.start, options)
    part = fragment(now.raw, now.start)
    found = argument_values(slots(command, len(line.others)), line.others, part, scene)
    return Answer(found.start, (*found.candidates, *options))


def _read(words: Sequence[Word], table: Sequence[Option]) -> CellLine:
    """Part options with their values from the other words; the last option may still wait for its value."""
    by_spelling = {spelling: option for option in table for spelling in option.spellings}
    given: list[tuple[Option, str]] = []
    others: list[str] = []
    waiting: Option | None = None
    for word in words:
        if word.is_option:
            spelling, equals, value = word.text.partition("=")
            if re.match(r"-[dn]\d", spelling):
                spelling, equals, value = spelling[:2], "=", spelling[2:]
            option = by_spelling.get(spelling)
            waiting = option if option and option.takes_value and not equals else None
            given += [(option, value)] if option else []
        elif waiting is not None:
            given[-1], waiting = (waiting, word.text), None
        else:
            others.append(word.text)
    return CellLine(tuple(given), tuple(others), waiting=waiting)


def _scene(
    line: CellLine, place: Place, known: Known, table: Sequence[Option], words: Iterable[str]
) -> Scene:
    """Put together what the line says on both sides of the cursor."""
    rest = re.sub(r"^\S+", "", place.after)
    behind = _read(cut(rest, []), table)
    given = line.given[: -1 if line.waiting else None] + behind.given
    named = [variant_named(word) for word in (*words, *behind.others)]
    variants = tuple(each for each in named if each is not None)
    if not variants:
        usual = variant_named(known.default_variant())
        variants = (usual,) if usual else ()
    return Scene(known, variants, given, place.body, after=place.after)


def _value(now: Typed, line: CellLine, scene: Scene, table: Sequence[Option]) -> Answer | None:
    """Complete the value of an option; None where no value is being written."""
    if now.raw.startswith("-"):
        spelling, equals, _ = now.raw.partition("=")
        option = next((each for each in table if spelling in each.spellings and each.takes_value), None)
        return (
            option_values(option, now.raw, now.start, scene, len(spelling) + 1) if equals and option else None
        )
    return option_values(line.waiting, now.raw, now.start, scene) if line.waiting else None


def _options(table: Iterable[Option], raw: str, line: CellLine, scene: Scene) -> tuple[Candidate, ...]:
    """Offer the options that are not given yet and mean something here."""
    given = {option.name for option, _ in scene.given}
    taken = {option.name for option, _ in scene.given if not option.is_repeatable}
    taken |= {_CLASHES[name] for name in given if name in _CLASHES}
    taken |= {"-o"} if line.target else set()
    is_named = any(variant_named(each) for each in line.others)
    found = []
    for option in table:
        needed = _INPUT_OF.get(option.name)
        is_void = needed and is_named and not any(variant.has(needed) for variant in scene.variants)
        if option.name in taken or is_void:
            continue
        for spelling in filter(None, (option.name, option.off)):
            is_meant = spelling.startswith(raw) or raw == option.short
            found += [Candidate(spelling, "option")] if is_meant else []
    return tuple(found)


def _cell_words(now: Typed, line: CellLine, scene: Scene) -> tuple[Candidate, ...]:
    """Offer variants, ``chain``, and a name to keep the batch under."""
    return offered(_words(now, line, scene), fragment(now.raw, now.start), scene).candidates


def _words(now: Typed, line: CellLine, scene: Scene) -> Iterator[Candidate]:
    is_first = not line.others and not line.given
    if len(line.others) == 1 and not (line.given or line.target or now.raw):
        word = line.others[0]
        if is_variable(word) and word != "chain" and variant_named(word) is None:
            yield Candidate("<<", "keep in a variable")
            return
    is_chain = line.others[:1] == ("chain",)
    if not is_chain or len(line.others) < 3:
        for variant in ranked_variants(scene):
            if variant.name not in line.others and variant.model_id not in line.others:
                yield Candidate(variant.model_id if "/" in now.raw else variant.name, "variant")
    if not line.others:
        yield Candidate("chain", "step by step")
    if is_first and not line.target:
        for name in scene.known.batches()[:MOST_TARGETS]:
            yield Candidate(f"{name} <<", "batch")
