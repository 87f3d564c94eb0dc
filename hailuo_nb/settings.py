"""Where every setting comes from.

In come the arguments of a call, the notebook's ``%config``, the process environment and the notebook's
``pyproject.toml``; out goes one frozen `Settings`, handed to the session. Nothing else in the package reads
``os.environ`` for a setting.

A project file may have been written by a stranger, so it may set taste and lower limits. It can never raise a
limit, choose the service or its address, or make a cell pay for what is on disk.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from hailuo_nb.errors import SettingInvalid

WAVESPEED_URL = "https://api.wavespeed.ai"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_USD = 1_000_000
SERVICES = ("auto", "wavespeed", "simulator")
RESUMES = ("auto", "ask", "off")


@dataclass(frozen=True)
class Tier:
    """What one account level may send (WaveSpeed's documentation, 2026-11-22).

    Attributes
    ----------
    videos_per_minute, concurrency : int
        Submits in a minute, and predictions running at once.
    """

    videos_per_minute: int
    concurrency: int


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        "bronze": Tier(2, 2),
        "silver": Tier(500, 300),
        "gold": Tier(3000, 3000),
        "ultra": Tier(5000, 10000),
    }
)


@dataclass(frozen=True)
class Settings:
    """Everything a user can set, with its default.

    Attributes
    ----------
    variant : str
        The variant of a cell that names none.
    dir : str
        The folder for clips and ledger, beside the notebook.
    budget_usd : Decimal or None
        The most the whole ledger may have spent or promised, in US dollars; each service by itself.
    confirm_above_usd : Decimal
        Above this sum since the last yes, a batch asks before it sends.
    max_clips : int
        The most clips one cell may make.
    tier : str
        The account's level: bronze, silver, gold or ultra.
    videos_per_minute, concurrency : int or None
        Limits of the account where they differ from its tier's.
    cache : bool
        Whether a clip that is on disk is shown instead of made again.
    simulator_speed : float
        How many times faster than the service the simulator works.
    simulator_tier : str
        The tier the simulator plays.
    resume : str
        Whether loading the extension takes up what is still out: auto, ask or off.
    service : str
        auto (WaveSpeed with a key, the simulator without), wavespeed or simulator.
    base_url : str
        Where WaveSpeed is; https, or loopback for tests.
    sources : Mapping[str, str]
        For each setting that is not the default, where it came from.
    ignored : tuple of str
        What the project file says and may not: limits it would raise, the service, the cache.
    """

    variant: str = "t2v-standard"
    dir: str = "hailuo"
    budget_usd: Decimal | None = None
    confirm_above_usd: Decimal = Decimal("1.00")
    max_clips: int = 16
    tier: str = "bronze"
    videos_per_minute: int | None = None
    concurrency: int | None = None
    cache: bool = True
    simulator_speed: float = 10.0
    simulator_tier: str = "silver"
    resume: str = "auto"
    service: str = "auto"
    base_url: str = WAVESPEED_URL
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    ignored: tuple[str, ...] = field(default=(), compare=False)

    def limits(self, service: str, *, simulated_tier: str | None = None) -> Tier:
        """Give the rate limits that hold for `service`.

        Parameters
        ----------
        service : str
            ``wavespeed`` or ``simulator``.
        simulated_tier : str, optional
            The tier that the running simulator plays, where another kernel started it with another one.
        """
        if service != "simulator":
            tier = TIERS[self.tier]
            return Tier(
                self.videos_per_minute or tier.videos_per_minute, self.concurrency or tier.concurrency
            )
        # The simulator refuses what is over its tier, whatever the real account allows.
        tier = TIERS[simulated_tier or self.simulator_tier]
        return Tier(
            min(self.videos_per_minute or tier.videos_per_minute, tier.videos_per_minute),
            min(self.concurrency or tier.concurrency, tier.concurrency),
        )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def _folder(value: object) -> str:
    # A backslash parts folders on Windows, and a notebook travels.
    text = _text(value).replace("\\", "/")
    parts = PurePosixPath(text).parts
    if (
        not parts
        or len(text) > 200
        or not text.isprintable()
        or any(part.startswith(("/", ".", "~")) or ":" in part for part in parts)
    ):
        raise ValueError("a plain folder name beside the notebook (hidden folders do not play in Jupyter)")
    return "/".join(parts)


def _money(value: object) -> Decimal:
    try:
        amount = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        raise ValueError("an amount such as 2.50") from None
    if not amount.is_finite() or not 0 <= amount <= MOST_USD:
        raise ValueError("an amount from 0 to a million")
    return amount


def _money_or_none(value: object) -> Decimal | None:
    return None if value is None or str(value).strip().lower() in {"", "none"} else _money(value)


def _whole(value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise ValueError("a whole number from 1 to 999999999")
    return int(text)


def _whole_or_none(value: object) -> int | None:
    return None if value is None or str(value).strip().lower() in {"", "none"} else _whole(value)


def _truth(value: object) -> bool:
    named = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return named[str(value).strip().lower()]
    except KeyError:
        raise ValueError("true or false") from None


def _speed(value: object) -> float:
    try:
        speed = float(str(value))
    except ValueError:
        raise ValueError("a number such as 10") from None
    if not 0.1 <= speed <= 100_000:
        raise ValueError("a number from 0.1 to 100000")
    return speed


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = str(value).strip().lower()
        if text not in choices:
            near = difflib.get_close_matches(text, choices, n=1)
            raise ValueError(" or ".join(choices) + (f"; did you mean {near[0]}?" if near else ""))
        return text

    return read


def _address(value: object) -> str:
    text = _text(value).rstrip("/")
    parts = urlsplit(text)
    if "\\" in text or not text.isprintable() or " " in text:
        raise ValueError("an address without spaces, line breaks or backslashes")
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)):
        raise ValueError("an https address (plain http is for this machine only)")
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise ValueError("an address of a host, without user, password or query")
    return text


READERS: Mapping[str, Callable[[object], Any]] = MappingProxyType(
    {
        "variant": _text,
        "dir": _folder,
        "budget_usd": _money_or_none,
        "confirm_above_usd": _money,
        "max_clips": _whole,
        "tier": _one_of(*TIERS),
        "videos_per_minute": _whole_or_none,
        "concurrency": _whole_or_none,
        "cache": _truth,
        "simulator_speed": _speed,
        "simulator_tier": _one_of(*TIERS),
        "resume": _one_of(*RESUMES),
        "service": _one_of(*SERVICES),
        "base_url": _address,
    }
)
# What the project file may set freely, and what it may only lower.
TASTE = frozenset({"variant", "dir", "simulator_speed", "simulator_tier", "resume"})
LOWERABLE = frozenset(
    {"budget_usd", "confirm_above_usd", "max_clips", "videos_per_minute", "concurrency", "tier"}
)
# The key goes to this address, so only whoever starts the process says it.
ADDRESS = "base_url"
ADDRESS_NAME = "WAVESPEED_BASE_URL"


def load(
    *,
    arguments: Mapping[str, object] | None = None,
    config: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    project_file: Path | None = None,
) -> Settings:
    """Read all settings: argument, then ``%config``, then environment, then project file, then default.

    Parameters
    ----------
    arguments, config : Mapping, optional
        Values given in Python and by ``%config HailuoMagics.<name>``.
    environ : Mapping, optional
        The process environment; that of this process when not given.
    project_file : Path, optional
        The ``pyproject.toml`` beside the notebook; may be absent.

    Returns
    -------
    Settings

    Raises
    ------
    SettingInvalid
        For a name that is no setting or a value that means nothing; says where it came from.
    """
    surroundings = os.environ if environ is None else environ
    layers = (
        ("argument", dict(arguments or {})),
        ("%config", dict(config or {})),
        ("environment", _from_environment(surroundings)),
    )
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, given in layers:
        for name, value in given.items():
            if name == ADDRESS and source != "environment":
                raise SettingInvalid(
                    f"The service's address comes from {ADDRESS_NAME} in the process environment only."
                )
            if name not in values:
                values[name] = _read(name, value, source)
                sources[name] = source
    trusted = dataclasses.replace(Settings(), **values)
    ignored = []
    for name, value in _from_project(project_file).items():
        if not _project_may(name, value, trusted):
            ignored.append(name)
        elif name not in values:
            values[name], sources[name] = value, "pyproject.toml"
    return Settings(**values, sources=MappingProxyType(sources), ignored=tuple(ignored))


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Pick out ``HAILUO_<NAME>``; WaveSpeed's address is read under the vendor's own name."""
    found = {
        name: environ[f"HAILUO_{name.upper()}"] for name in READERS if f"HAILUO_{name.upper()}" in environ
    }
    found.pop(ADDRESS, None)
    if environ.get(ADDRESS_NAME):
        found[ADDRESS] = environ[ADDRESS_NAME]
    return found


def _from_project(project_file: Path | None) -> dict[str, Any]:
    """Read ``[tool.hailuo_nb]``; a file that cannot be read is an error, as it may hold a limit."""
    if project_file is None or not project_file.is_file():
        return {}
    import tomllib

    try:
        tools = tomllib.loads(project_file.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError, RecursionError) as error:
        # An OSError's own text holds the whole path, and a notebook is shared.
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())[:200]
        raise SettingInvalid(
            f"{project_file.name} cannot be read ({reason}); mend it or move it away."
        ) from None
    table = tools.get("hailuo_nb", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise SettingInvalid(
            f"[tool.hailuo_nb] in {project_file.name} is no table; write name = value lines."
        )
    return {name: _read(name, value, project_file.name) for name, value in table.items()}


def _read(name: str, value: object, source: str) -> Any:
    """Turn one given value into its type, or say what would be right."""
    reader = READERS.get(name)
    if reader is None:
        near = difflib.get_close_matches(name[:80], READERS, n=1)
        hint = f"did you mean {near[0]}?" if near else "settings are " + ", ".join(READERS) + "."
        raise SettingInvalid(f"There is no setting {name[:80]!r} ({source}); {hint}")
    try:
        return reader(value)
    except ValueError as error:
        raise SettingInvalid(f"Setting {name} ({source}) is {str(value)[:80]!r}; it takes {error}.") from None


def _project_may(name: str, value: Any, trusted: Settings) -> bool:
    """Tell whether a project file's value is taste, or a limit at most as high as the user's own."""
    if name in TASTE:
        return True
    if name not in LOWERABLE or value is None:
        return False
    if name == "tier":
        order = list(TIERS)
        return order.index(value) <= order.index(trusted.tier)
    if name in {"videos_per_minute", "concurrency"}:
        return bool(value <= getattr(TIERS[trusted.tier], name))
    now = getattr(trusted, name)
    return now is None or bool(value <= now)
