"""What needs no notebook: ``python -m hailuo_nb clean notebook.ipynb --check``, for CI and before a commit.

In come the paths of notebooks; out go lines that say what was found, and 1 where something is left to do, 2 where a
file is no notebook.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hailuo_nb.errors import HailuoError


def main(arguments: Sequence[str] | None = None) -> int:
    """Clean notebooks, or only check them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m hailuo_nb", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "clean",
        help="take keys, home paths and signed addresses out of notebooks",
        allow_abbrev=False,
    )
    command.add_argument("notebooks", nargs="+", metavar="notebook.ipynb")
    command.add_argument("--check", action="store_true", help="only say what there is; 1 if anything")
    asked = parser.parse_args(arguments)
    return max(_cleaned(notebook, check=asked.check) for notebook in asked.notebooks)


def _cleaned(notebook: str, *, check: bool) -> int:
    """Clean one notebook and say what was found."""
    from hailuo_nb.session.cleaning import clean_notebook

    try:
        cleaning = clean_notebook(notebook, check=check)
    except HailuoError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    print(cleaning)  # noqa: T201 - a command's answer
    return 1 if check and cleaning.found else 0


if __name__ == "__main__":
    sys.exit(main())
