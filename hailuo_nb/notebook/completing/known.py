"""What completion knows of a notebook, and what it answers.

In come the notebook's variables, its folder and its ledger; out go the names of what is in them, sorted by what they
are good for. Classes are looked up among the modules that are loaded already: a notebook without pandas has no
DataFrame. Next: the other modules of this folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from hailuo_nb.catalog.variants import Variant, find
from hailuo_nb.errors import UnknownVariant
from hailuo_nb.ledger.peek import Seen

__all__ = ["Answer", "Candidate", "Known", "variant_named"]

MOST_NAMES = 2_000
MOST_COLUMNS = 500
_FRAME = ("pandas", "DataFrame")
_CLIPS = (("hailuo_nb.session.batch", "Batch"), ("hailuo_nb.jobs.job", "Job"))


@dataclass(frozen=True)
class Candidate:
    """What may stand there, and what it is: ``variant``, ``option``, ``file``, ..."""

    text: str
    kind: str


@dataclass(frozen=True)
class Answer:
    """Candidates, each in place of the text from `start` to the cursor; the best first, none where nothing fits."""

    start: int
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Known:
    """What the notebook knows.

    Attributes
    ----------
    namespace : Mapping
        The notebook's variables.
    hidden : collection of str
        Those that are not the user's own.
    folder : pathlib.Path
        The notebook's folder.
    default_variant : callable
        Gives the variant of a cell that names none.
    newest : callable
        Gives a few words on the newest clips; asked once at most.
    """

    namespace: Mapping[str, Any]
    hidden: Collection[str] = ()
    folder: Path = field(default_factory=Path)
    default_variant: Callable[[], str] = lambda: "t2v-standard"
    newest: Callable[[], Sequence[Seen]] = tuple

    @cached_property
    def clips(self) -> Sequence[Seen]:
        """The newest clips of the ledger, the newest first."""
        return self.newest()

    def variables(self) -> list[str]:
        """Name the user's variables that hold something, the newest first."""
        return [name for name, value in self._own() if not isinstance(value, ModuleType)]

    def frames(self) -> list[str]:
        """Name the variables that hold a DataFrame."""
        return self._of_classes([_FRAME])

    def batches(self) -> list[str]:
        """Name the variables that hold a batch or a job."""
        return self._of_classes(_CLIPS)

    def texts(self) -> list[str]:
        """Name the variables that hold a text, or several."""
        return [name for name, value in self._own() if isinstance(value, str | list | tuple)]

    def columns(self, name: str) -> list[str]:
        """Name the columns of a DataFrame that can stand in a prompt as ``{column}``."""
        frame: Any = self.namespace.get(name)
        if name not in self.frames():
            return []
        columns = list(frame.columns[:MOST_COLUMNS])
        return [column for column in columns if isinstance(column, str) and column.isidentifier()]

    def names(self, statuses: Collection[str] = ()) -> list[str]:
        """Give the names of clips, of these statuses only where any are given."""
        return _once(each.name for each in self._those(statuses) if each.name)

    def ids(self, statuses: Collection[str] = ()) -> list[str]:
        """Give the ids of clips."""
        return [each.id for each in self._those(statuses)]

    def tags(self) -> list[str]:
        """Give every tag."""
        return _once(tag for each in self.clips for tag in each.tags)

    def batch_ids(self) -> list[str]:
        """Give the ids of batches."""
        return _once(each.batch for each in self.clips)

    def axes(self) -> dict[str, list[str]]:
        """Give the axes of clips with their values."""
        found: dict[str, list[str]] = {}
        for each in self.clips:
            for axis, value in each.axes.items():
                known = found.setdefault(axis, [])
                if value not in known:
                    known.append(value)
        return found

    def _those(self, statuses: Collection[str]) -> Iterator[Seen]:
        return (each for each in self.clips if not statuses or each.status in statuses)

    def _own(self) -> Iterator[tuple[str, Any]]:
        """Yield the user's own variables, the newest first."""
        for name in list(self.namespace)[: -MOST_NAMES - 1 : -1]:
            if isinstance(name, str) and not name.startswith("_") and name not in self.hidden:
                yield name, self.namespace.get(name)

    def _of_classes(self, wanted: Iterable[tuple[str, str]]) -> list[str]:
        classes = _loaded(wanted)
        return [name for name, value in self._own() if isinstance(value, classes)]


def variant_named(name: str) -> Variant | None:
    """Give the catalogue's variant of this name; another model's inputs would have to be asked for."""
    try:
        return find(name)
    except UnknownVariant:
        return None


def _loaded(wanted: Iterable[tuple[str, str]]) -> tuple[type, ...]:
    """Give classes whose modules are loaded."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in wanted)
    return tuple(each for each in found if isinstance(each, type))


def _once(texts: Iterable[str]) -> list[str]:
    """Give each text once, where it first stands."""
    return list(dict.fromkeys(texts))
