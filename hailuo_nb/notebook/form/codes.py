"""The form as code, in five ways.

In comes what stands in the form, read without a fault; out goes text to paste. Next: the costs part copies it.
"""

from __future__ import annotations

from collections.abc import Callable

from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.form.magic import cell_text
from hailuo_nb.notebook.form.python import call_text
from hailuo_nb.notebook.form.reading import Reading
from hailuo_nb.notebook.form.samples import curl_text, node_text, sdk_text
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.session.forecast import Forecast

__all__ = ["KINDS", "Keep", "code_of"]

KINDS = {"magic": "magic", "python": "Python", "curl": "cURL", "sdk": "Python SDK", "node": "Node.js"}
"""What the form can be copied as: name and words."""

Keep = Callable[[bytes, str], str]
"""Writes the bytes of a picture beside the notebook and gives the path."""

_SAMPLES = {"curl": curl_text, "sdk": sdk_text, "node": node_text}


def code_of(
    kind: str, state: FormState, variant: Variant, reading: Reading, made: Forecast, keep: Keep
) -> str:
    """Give the form as code.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    state, variant, reading
        What stands there, read without a fault.
    made : Forecast
        The clips it makes.
    keep : callable
        For pictures that are no file as they are sent.

    Raises
    ------
    InvalidRequest
        There is no such kind, or a cell's line cannot say it.
    """
    if kind not in KINDS:
        raise InvalidRequest(f"The form can be copied as {', '.join(KINDS)}; {kind[:40]!r} is none of them.")
    if kind == "magic":
        return cell_text(state, variant, reading)
    if kind == "python":
        return call_text(state, variant, reading)
    request = made.clips[0].request
    return _SAMPLES[kind](request, _files(request, state, keep), len(made.clips))


def _files(request: GenerationRequest, state: FormState, keep: Keep) -> dict[str, str]:
    """Give the file of each picture that has no address; a frame, or a fitted picture, is written for it."""
    files: dict[str, str] = {}
    for name, value in request.images.items():
        if value.url is not None:
            continue
        is_as_it_is = value.kind == "file" and value.path is not None and not state.fit
        if is_as_it_is and name == "image":
            files[name] = state.image.strip()
        elif value.data is not None:
            files[name] = keep(value.data, value.label)
    return files
