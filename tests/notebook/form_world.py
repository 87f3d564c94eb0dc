"""Forms without a browser: states, what they ask for, and the same asked by a cell or a call.

In come what stands in a form, or the text of a cell or of Python; out come the requests that would be made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

from hailuo_nb.catalog.quotes import table_quote
from hailuo_nb.catalog.variants import Variant, find
from hailuo_nb.notebook.cells import asked_of
from hailuo_nb.notebook.form.reading import Reading, read
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.notebook.options import parse_cell_line, resolve
from hailuo_nb.session.asking import asked_from
from hailuo_nb.session.pictures import picture
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips
from hailuo_nb.settings import Settings

MOST = 400


def draw_picture(folder: Path, name: str = "photo.png", size: tuple[int, int] = (640, 360)) -> str:
    """Write a picture and give its name."""
    Image.new("RGB", size, (90, 140, 170)).save(folder / name)
    return name


def read_form(
    state: FormState,
    folder: Path,
    *,
    namespace: Mapping[str, Any] | None = None,
    variant: Variant | None = None,
) -> Reading:
    """Read a form as the real one does."""
    known = variant or find(state.variant)
    reader = lambda text, fit: picture(text, folder, fit)  # noqa: E731
    return read(state, known, picture=reader, namespace={} if namespace is None else namespace)


def clips_of(asked: Asked, find_one: Callable[[str], Variant] = find) -> tuple[Wanted, ...]:
    """Multiply out what is asked."""
    return wanted_clips(asked, find=find_one, quote=table_quote, most=MOST)[0]


def requests_of(asked: Asked, find_one: Callable[[str], Variant] = find) -> list[tuple[Any, int]]:
    """Give each request with its take, in order."""
    return [(clip.request, clip.take) for clip in clips_of(asked, find_one)]


def asked_by_cell(
    text: str, folder: Path, namespace: Mapping[str, Any]
) -> tuple[Asked, str | None, tuple[str, ...]]:
    """Give what a cell asks for when a notebook runs it, with its name and tags; nothing is made."""
    call = ast.parse(TransformerManager().transform_cell(text)).body[0].value  # type: ignore[attr-defined]
    name, line, body = (ast.literal_eval(argument) for argument in call.args)
    assert name == "hailuo"
    assert body, "IPython refuses a cell magic with nothing below its line"
    options = resolve(parse_cell_line(line), namespace)
    session: Any = SimpleNamespace(folder=folder, settings=Settings)
    return asked_of(options, body, session, namespace), options.name, options.tags


def asked_by_python(code: str, folder: Path) -> list[tuple[Asked, Any, Any]]:
    """Run Python with a `generate` that only notes what it is asked; gives each, with its name and tags."""
    noted: list[tuple[Asked, Any, Any]] = []

    def generate(prompt: str, variant: str, *, name: Any = None, tags: Any = (), **options: Any) -> None:
        noted.append((asked_from(folder, "t2v-standard", prompt, variant, **options), name, tuple(tags)))

    lines = [line for line in code.splitlines(keepends=True) if line != "import hailuo_nb as hn\n"]
    exec("".join(lines), {"hn": SimpleNamespace(generate=generate)})
    return noted


def all_requests(asked: Iterable[Asked]) -> list[tuple[Any, int]]:
    """Give the requests of several calls."""
    return [each for one in asked for each in requests_of(one)]
