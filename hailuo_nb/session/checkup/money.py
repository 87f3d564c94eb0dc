"""Looks at what stands between a cell and a clip: key, service, clock, ledger, settings.

In comes a session; out go rows. The service is only asked what costs nothing: whether it is there, and for the
balance, of which nothing is shown. The simulator is not started.
"""

from __future__ import annotations

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.errors import AccessDenied, KeyMissing, SettingInvalid
from hailuo_nb.ledger.peek import count_clips, count_out
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check
from hailuo_nb.session.services import running_at

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

__all__ = ["account", "key", "ledger", "reached", "service", "settings"]

ASK_S = 1.8
_WRONG_S, _FAR_S = 300.0, 30.0
_KEY_HELP = "Copy the key again from wavespeed.ai/accesskey; %hailuo key asks for it and shows nothing."


def key(session: Session) -> Check:
    """Say where the key comes from; nothing of the key."""
    try:
        found = session.key()
    except KeyMissing as error:
        return Check("key", BROKEN, str(error), _KEY_HELP)
    if found is None:
        return Check("key", OK, "none, so the simulator is used and nothing costs money")
    return Check("key", OK, f"from {found.source}")


def service(session: Session) -> list[Check]:
    """Say whether the service that the next clip goes to is there."""
    name = session.service_name()
    if name == "simulator":
        data = session.folder / session.settings().dir / "simulator"
        said = "simulator, running" if running_at(data) else "simulator, which starts with the first clip"
        return [Check("service", OK, said)]
    there, clock = reached(session.settings().base_url)
    return [there, *clock]


def account(session: Session) -> list[Check]:
    """Say whether the service takes the key; there is nothing to say without one."""
    if session.service_name() == "simulator" or session.key() is None:
        return []
    try:
        session.ask("wavespeed", lambda client: client.balance())
    except AccessDenied as error:
        return [Check("account", BROKEN, f"WaveSpeed refuses the key: {error}", _KEY_HELP)]
    return [Check("account", OK, "WaveSpeed takes the key")]


def reached(address: str) -> tuple[Check, list[Check]]:
    """Ask an address for anything, without the key; gives how long that took, and whether the clocks agree."""
    begin = time.monotonic()
    request = Request(f"{address}/", method="HEAD")  # noqa: S310 - https or loopback, made sure by the settings
    try:
        with urlopen(request, timeout=ASK_S) as answer:  # noqa: S310 - as above
            date = answer.headers.get("Date", "")
    except HTTPError as error:  # an answer all the same
        date = error.headers.get("Date", "")
        error.close()
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        said = getattr(reason, "strerror", None) or type(reason).__name__
        do = "Is there a network, a proxy or a firewall? HAILUO_SERVICE=simulator works without one."
        return Check("service", BROKEN, f"WaveSpeed is not reached: {said}", do), []
    took = (time.monotonic() - begin) * 1000
    return Check("service", OK, f"WaveSpeed answers in {took:,.0f} ms"), _clock(date)


def _clock(date: str) -> list[Check]:
    """Compare this machine's clock with that of an answer."""
    with suppress(ValueError, TypeError):
        off = time.time() - parsedate_to_datetime(date).timestamp()
        if abs(off) <= _FAR_S:
            return [Check("clock", OK, "right")]
        state = BROKEN if abs(off) > _WRONG_S else LOOK
        said = f"{abs(off):,.0f} s {'ahead' if off > 0 else 'behind'}"
        do = "Set the clock: clips that were not answered are looked for by their time."
        return [Check("clock", state, said, do)]
    return []


def ledger(session: Session) -> Check:
    """Say how much is in the ledger, and what is still out."""
    path = session.folder / session.settings().dir / "ledger.db"
    if not path.is_file():
        return Check("ledger", OK, "none yet")
    clips = count_clips(path)
    if clips is None:
        do = "Close the other notebooks and try again; the file is hailuo/ledger.db beside the notebook."
        return Check("ledger", BROKEN, "it cannot be read", do)
    out = {status: count for status, count in count_out(path).items() if count}
    said = f"{clips:,} clips, {path.stat().st_size / 1e6:,.1f} MB, {_journal(path)}"
    if not out:
        return Check("ledger", OK, f"{said}, nothing out")
    still = ", ".join(f"{count} {status}" for status, count in out.items())
    do = "%hailuo jobs shows them." if "unconfirmed" in out else ""
    return Check("ledger", LOOK if do else OK, f"{said}, still out: {still}", do)


def _journal(path: Path) -> str:
    """Read from a database's first bytes how it keeps its journal."""
    with path.open("rb") as file:
        return "write-ahead log" if file.read(20)[18:20] == b"\x02\x02" else "rollback journal"


def settings(session: Session) -> Check:
    """Say which settings are not the default, and from where; and what is left of the budget."""
    try:
        now = session.settings()
    except SettingInvalid as error:
        return Check("settings", BROKEN, str(error), "Correct that setting; the README lists them.")
    said = [f"{name} ({source})" for name, source in now.sources.items()]
    if now.budget_usd is not None:
        said.append(f"budget {usd_text(now.budget_usd)}")
    if now.ignored:
        do = "A project file may set taste and lower limits, nothing else."
        return Check("settings", LOOK, f"ignored of pyproject.toml: {', '.join(now.ignored)}", do)
    return Check("settings", OK, ", ".join(said) or "all as they come")
