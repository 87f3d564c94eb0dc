"""What may stand behind an option, and behind a command.

In come an option or an argument of the table, and the `Scene`: what the line says so far and what the notebook knows.
Out go candidates: lengths and inputs of the variants that are named, clips in the right status, files with the right
endings. Next: `hailuo_nb.notebook.completing.lines`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hailuo_nb.catalog.variants import Variant, all_variants
from hailuo_nb.ledger.peek import OUT
from hailuo_nb.notebook.completing import files
from hailuo_nb.notebook.completing.cursor import Fragment, fragment, written
from hailuo_nb.notebook.completing.known import Answer, Candidate, Known
from hailuo_nb.notebook.completing.prompt import axes_bare, axes_named
from hailuo_nb.notebook.option_table import COMMANDS, Argument, Command, Option
from hailuo_nb.notebook.option_words import looks_like_key

__all__ = ["Scene", "argument_values", "option_values", "ranked_variants"]

MOST_IDS = 40
# Inputs of a model that have an option of their own, or are the prompt.
_OWN_INPUTS = frozenset({"prompt", "image", "duration", "enable_prompt_expansion", "go_fast"})
_SEPARATORS = {"ints": ",", "names": ",", "axis": "=|", "setting": "="}
_LISTS = frozenset({"--variant", "--duration", "--zip"})
_ENDINGS: Mapping[str, Collection[str]] = {
    "--image": files.PICTURES | files.CLIPS,
    "--file": {".txt", ".md"},
    "compare": files.CLIPS,
    "join": files.CLIPS,
    "rerun": files.CLIPS | {".json"},
    "export": {".zip", ".html"},
    "import": {".zip"},
    "clean": {".ipynb"},
}
_STATUSES: Mapping[str, Collection[str]] = {
    "retry": {"failed"},
    "resend": {"unconfirmed", "abandoned"},
    "adopt": {"unconfirmed"},
    "abandon": {"unconfirmed"},
    "cancel": {"planned", *OUT},
    "wait": {"planned", *OUT},
    "resume": OUT,
    **dict.fromkeys(
        ("compare", "vote", "rank", "rate", "promote", "join", "export", "rerun"), ("completed",)
    ),
}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "STARS": ("5", "4", "3", "2", "1", "0", "none"),
    "status": ("status",),
}


@dataclass(frozen=True)
class Scene:
    """What the line says so far.

    Attributes
    ----------
    known : Known
        What the notebook knows.
    variants : tuple of Variant
        Those that are named, else the one of the settings.
    given : tuple of (Option, str)
        The options of the line with their values as text, those behind the cursor too.
    body : str
        The prompt below the line.
    command : str
        Of ``%hailuo``; empty in a cell.
    after : str
        What stands behind the cursor.
    """

    known: Known
    variants: tuple[Variant, ...] = ()
    given: tuple[tuple[Option, str], ...] = ()
    body: str = ""
    command: str = ""
    after: str = ""

    def said(self, name: str) -> list[str]:
        """Give the values of an option; an empty list where it is not given."""
        return [text for option, text in self.given if option.name == name]


def option_values(option: Option, raw: str, start: int, scene: Scene, skip: int = 0) -> Answer:
    """Complete the value of an option.

    Parameters
    ----------
    option : Option
        Whose value.
    raw : str
        The word as it stands there, up to the cursor.
    start : int
        Where it begins.
    scene : Scene
        What the line says.
    skip : int
        How much of the word comes before the value: ``--image=``.
    """
    is_list = option.name in _LISTS and (option.name != "--variant" or option.field == "variants")
    separators = _SEPARATORS.get(option.kind, "," if is_list else "")
    part = fragment(raw, start, separators, skip)
    value = raw[skip:].strip("'\"")
    key, equals, rest = value.partition("=") if "=" in separators else ("", "", value)
    if part.text.startswith("$") and not scene.command and option.kind != "variable":
        found = _of([f"${name}" for name in scene.known.variables()], "variable")
    elif "=" in separators:
        found = _items(option, key, scene) if equals else _keys(option, scene)
    elif option.name in _NAMED:
        found = _NAMED[option.name](scene, part)
    else:
        found = [Candidate(each, "value") for each in option.choices]
    prior = {each.strip() for each in rest.replace("|", ",").split(",")[:-1]} if separators else set()
    again = set(scene.said(option.name)) if option.is_repeatable and not separators else set()
    return offered((each for each in found if each.text not in prior | again), part, scene)


def argument_values(
    arguments: Iterable[Argument], said: Collection[str], part: Fragment, scene: Scene
) -> Answer:
    """Complete a word behind a command that is one of these arguments; `said` are those that stand there already."""
    found: dict[str, Candidate] = {}
    for argument in arguments:
        for each in _ARGUMENTS.get(argument.kind, _nothing)(argument, scene, part):
            found.setdefault(each.text, each)
    return offered((each for each in found.values() if each.text not in said), part, scene)


def offered(found: Iterable[Candidate], part: Fragment, scene: Scene) -> Answer:
    """Keep what begins with what is typed, as it is to be written there."""
    kept = []
    for each in found:
        if not each.text.casefold().startswith(part.text.casefold()) or looks_like_key(each.text):
            continue
        text = written(each.text, part, scene.after, is_whole=not each.text.endswith(("/", "=")))
        if text is not None:
            kept.append(Candidate(text, each.kind))
    return Answer(part.start, tuple(kept))


def ranked_variants(scene: Scene) -> list[Variant]:
    """Give every variant, those first that fit what the line says: its picture, its lengths."""
    has_image = bool(scene.said("--image"))
    lengths = {
        int(each) for text in scene.said("--duration") for each in text.split(",") if each.strip().isdecimal()
    }

    def is_unfit(variant: Variant) -> bool:
        if has_image != variant.takes_image and (has_image or variant.needs_image):
            return True
        return bool(lengths and variant.lengths_s and not lengths <= set(variant.lengths_s))

    return sorted(all_variants(), key=is_unfit)


def _of(texts: Iterable[str], kind: str) -> list[Candidate]:
    return [Candidate(text, kind) for text in texts]


def _nothing(*_: object) -> list[Candidate]:
    return []


def _keys(option: Option, scene: Scene) -> list[Candidate]:
    """Give what may stand before the ``=``: axes, or inputs of the model."""
    if option.kind == "setting":
        given = {text.partition("=")[0] for text in scene.said(option.name)}
        inputs = dict.fromkeys(name for variant in scene.variants for name in variant.inputs)
        names, kind = [name for name in inputs if name not in _OWN_INPUTS and name not in given], "input"
    elif scene.command:
        names, kind = list(scene.known.axes()), "axis"
    else:
        given = {text.partition("=")[0] for text in scene.said(option.name)}
        names, kind = [name for name in axes_bare(scene.body) if name not in given], "axis"
    return _of((f"{name}=" for name in names), kind)


def _items(option: Option, key: str, scene: Scene) -> list[Candidate]:
    """Give what may stand behind the ``=``."""
    if option.kind == "axis":
        values = scene.known.axes().get(key, [])
        return _of((each for each in values if "|" not in each and not each.startswith("$")), "value")
    found: dict[str, None] = {}
    for variant in scene.variants:
        schema = variant.schema["properties"].get(key, {})
        enum = ("true", "false") if schema.get("type") == "boolean" else tuple(schema.get("enum", ()))
        found |= dict.fromkeys(map(str, enum))
    return _of(found, "value")


def _lengths(scene: Scene, _: Fragment) -> list[Candidate]:
    """Lengths that every variant of the line makes; those of any of them where they have none in common."""
    each = [variant.lengths_s for variant in scene.variants if variant.lengths_s]
    every = dict.fromkeys(length for lengths in each for length in lengths)
    common = [length for length in every if all(length in lengths for lengths in each)]
    return _of((str(length) for length in sorted(common or every)), "seconds")


def _paths(scene: Scene, part: Fragment, endings: Collection[str]) -> list[Candidate]:
    found = files.paths(scene.known.folder, part.text, endings)
    return [Candidate(text, "folder" if text.endswith("/") else "file") for text in found]


def _zipped(scene: Scene, _: Fragment) -> list[Candidate]:
    """Axes of the prompt; the first one with a comma, because one alone is no group."""
    varied = [text.partition("=")[0] for text in scene.said("--vary")]
    names = list(dict.fromkeys([*axes_named(scene.body), *varied]))
    taken = {name.strip() for text in scene.said("--zip") for name in text.split(",")}
    return _of((name for name in names if name not in taken), "axis") if len(names) > 1 else []


def _some_variants(scene: Scene, _: Fragment) -> list[Candidate]:
    seen = [each.variant for each in scene.known.clips] if scene.command == "history" else []
    return _of(dict.fromkeys([*seen, *(variant.name for variant in all_variants())]), "variant")


def _batches(scene: Scene, _: Fragment) -> list[Candidate]:
    known = scene.known
    return [*_of(known.batches(), "batch"), *_of(known.batch_ids()[:MOST_IDS], "batch id")]


def _competing(scene: Scene, _: Fragment) -> list[Candidate]:
    return [*_of(("variant", "clip"), "value"), *_of(scene.known.axes(), "axis")]


def _shown_axes(scene: Scene, _: Fragment) -> list[Candidate]:
    return _of(dict.fromkeys([*scene.known.axes(), "variant"]), "axis")


_NAMED: Mapping[str, Callable[[Scene, Fragment], list[Candidate]]] = {
    "--duration": _lengths,
    "--zip": _zipped,
    "--image": lambda scene, part: _paths(scene, part, _ENDINGS["--image"]),
    "--file": lambda scene, part: _paths(scene, part, _ENDINGS["--file"]),
    "--from": lambda scene, _: _of(scene.known.frames(), "DataFrame"),
    "-o": lambda scene, _: _of(scene.known.batches(), "batch"),
    "--name": lambda scene, _: _of(scene.known.names(), "name"),
    "--tag": lambda scene, _: _of(scene.known.tags(), "tag"),
    "--variant": _some_variants,
    "--to": _some_variants,
    "--batch": _batches,
    "--cell": lambda scene, _: _of(scene.known.batches(), "batch"),
    "--by": _competing,
    "--x": _shown_axes,
    "--y": _shown_axes,
    "--since": lambda *_: _of(("today", "yesterday", "7d", "30d"), "date"),
    "--until": lambda *_: _of(("today", "yesterday", "7d", "30d"), "date"),
}


def _clips(_: Argument, scene: Scene, part: Fragment) -> Iterator[Candidate]:
    """Batches, names and ids; of the clips in the status that the command is for."""
    known, command = scene.known, scene.command
    if _.name == "PREDICTION":
        return
    statuses = _STATUSES.get(command, ())
    yield from _of(known.batches(), "batch")
    yield from _of(known.names(statuses), "name")
    ids = known.ids(statuses)
    # Hundreds of ids would bury the names; who types one gets them all.
    yield from _of(ids if part.text else ids[:MOST_IDS], "clip")
    if command == "export":
        yield from _of(known.tags(), "tag")
    if command == "form":
        yield from _of((variant.name for variant in all_variants()), "variant")
    if command in {"compare", "join", "rerun"}:
        yield from _paths(scene, part, _ENDINGS[command])


def _built(*_: object) -> list[Candidate]:
    return _of((command.name for command in COMMANDS), "command")


_ARGUMENTS: Mapping[str, Callable[[Argument, Scene, Fragment], Iterable[Candidate]]] = {
    "id": _clips,
    "variant": lambda _, scene, __: _of((variant.name for variant in ranked_variants(scene)), "variant"),
    "command": _built,
    "word": lambda argument, _, __: _of(_WORDS.get(argument.name, ()), "value"),
    "step": lambda _, scene, __: _of(scene.known.texts(), "variable"),
    "path": lambda _, scene, part: _paths(scene, part, _ENDINGS.get(scene.command, ())),
}


def slots(command: Command, place: int) -> tuple[Argument, ...]:
    """Give the arguments that the word at this place may be."""
    first_many = next((at for at, each in enumerate(command.arguments) if each.is_many), None)
    if first_many is None or place < first_many:
        return command.arguments[place : place + 1]
    return command.arguments[first_many:]
