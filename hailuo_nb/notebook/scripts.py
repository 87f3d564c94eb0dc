"""The scripts and styles of widgets, put together from the files in ``static/``.

In come names of files, out goes one ES module or style sheet. The files follow one another as they are: without imports
a widget needs no address to fetch from, and without a build step what runs is what is written. Only comments and
indentation are left out, because a notebook that keeps its widgets' state keeps the script once per widget.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["joined"]

_STATIC = Path(__file__).parent / "static"
# Whole lines only, so that no text in the code can be taken for a comment.
_COMMENT = re.compile(r"^\s*/\*\*?(?:[^*]|\*(?!/))*\*/\s*$|^\s*//.*$", re.MULTILINE)


def joined(*names: str) -> str:
    """Put files together.

    Parameters
    ----------
    *names : str
        Of files in ``static/``, in their order.
    """
    text = "\n".join((_STATIC / name).read_text("utf-8") for name in names)
    lines = (line.strip() for line in _COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in lines if line)
