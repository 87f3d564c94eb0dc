"""Environments with another ipykernel, another Python, or the oldest of everything, made by uv.

In come names of packages, out come the Pythons of fresh environments in which the package of this repository is
installed as a wheel, or why there is none. Environments are made side by side: that is mostly downloading.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Environment", "Made", "make_all"]

ROOT = Path(__file__).resolve().parents[2]
# What uv says where no registry is reached; anything else it says is a fault of ours.
_UNREACHED = re.compile(
    r"error sending request|dns error|failed to lookup|timed out|connect|Could not reach", re.I
)


@dataclass(frozen=True)
class Environment:
    """What an environment is made of.

    Attributes
    ----------
    name : str
        As tests are named after it.
    python : str
        ``"3.11"``.
    packages : tuple of str
        Beside ours and what it needs.
    is_oldest : bool
        Whether each of our own dependencies is the oldest that ``pyproject.toml`` allows.
    """

    name: str
    python: str
    packages: tuple[str, ...] = ()
    is_oldest: bool = False


@dataclass(frozen=True)
class Made:
    """An environment, or why there is none."""

    python: str = ""
    missing: str = ""
    is_network: bool = False

    def check(self) -> str:
        """Give its Python; skip the test where the machine has none such, or reaches no registry outside CI."""
        if self.missing and self.is_network and os.environ.get("CI") == "true":
            pytest.fail(self.missing)
        if self.missing:
            pytest.skip(self.missing)
        return self.python


def make_all(folder: Path, wanted: Sequence[Environment]) -> dict[str, Made]:
    """Make environments.

    Raises
    ------
    RuntimeError
        What ``pyproject.toml`` asks for does not fit together.
    """
    wheel = _wheel(folder)
    if wheel is None:
        return {each.name: Made(missing="no package registry is reached", is_network=True) for each in wanted}
    with ThreadPoolExecutor(len(wanted)) as pool:
        return dict(
            zip((e.name for e in wanted), pool.map(lambda e: _make(folder, wheel, e), wanted), strict=True)
        )


def _wheel(folder: Path) -> Path | None:
    """Build our package once; none where the builder cannot be had."""
    said = _uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    return None if said else next(folder.glob("*.whl"))


def _make(folder: Path, wheel: Path, wanted: Environment) -> Made:
    """Make one environment."""
    python = _python(wanted.python)
    if python is None:
        return Made(missing=f"this machine has no Python {wanted.python}")
    place = folder / wanted.name
    _uv("venv", "--python", python, str(place))
    resolution = ("--resolution", "lowest-direct") if wanted.is_oldest else ()
    made = str(place / "bin" / "python")
    said = _uv("pip", "install", "--python", made, *resolution, str(wheel), *wanted.packages)
    if said:
        return Made(missing=f"no package registry is reached: {said}", is_network=True)
    return Made(made)


def _python(version: str) -> str | None:
    """Find a Python: this one, one on the path, or one of pyenv's."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(versions.glob(f"{version}.*/bin/python{version}"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


def _uv(*arguments: str) -> str:
    """Run uv; gives what it said where no registry was reached, else nothing."""
    from uv import find_uv_bin

    done = subprocess.run([find_uv_bin(), *arguments, "--quiet"], capture_output=True, text=True)
    if done.returncode and not _UNREACHED.search(done.stderr):
        raise RuntimeError(f"uv {' '.join(arguments)}: {done.stderr}")
    return done.stderr[-300:] if done.returncode else ""
