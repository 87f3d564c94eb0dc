"""The command line: ``python -m hailuo_nb.simulator --port 8765 --speed 10``.

In come arguments, out goes a running :mod:`~hailuo_nb.simulator.server`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path

from hailuo_nb.simulator.pace import TIERS
from hailuo_nb.simulator.server import Options, serve

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m hailuo_nb.simulator",
        description="WaveSpeed's REST API on this machine, with drawn clips and simulated dollars.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="address to listen at (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=0, help="port; 0 lets the system choose")
    parser.add_argument(
        "--speed",
        type=_positive,
        default=1.0,
        help="divides generation times and the minute of the rate limit",
    )
    parser.add_argument(
        "--data", type=Path, help="folder for predictions and clips (default: a temporary one)"
    )
    parser.add_argument("--tier", choices=sorted(TIERS), default="silver", help="the account's limits")
    parser.add_argument(
        "--faults", type=Path, help="JSON file of answers to spoil, see hailuo_nb.simulator.faults"
    )
    parser.add_argument(
        "--balance", type=_dollars, default=Decimal(100), help="simulated dollars to begin with"
    )
    parser.add_argument("--workers", type=int, help="clips drawn at once (default: one for each core)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the starter is gone")
    given = parser.parse_args(arguments)
    serve(
        Options(
            host=given.host,
            port=given.port,
            speed=given.speed,
            data=given.data,
            tier=given.tier,
            faults=given.faults,
            balance_usd=given.balance,
            workers=given.workers,
            ends_with_stdin=given.until_stdin_closes,
        )
    )


def _positive(text: str) -> float:
    """Give a speed."""
    value = float(text)
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _dollars(text: str) -> Decimal:
    """Give an amount of money."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError("must be an amount such as 100 or 0.50") from None
    if not 0 <= value <= 1_000_000_000:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def _host(text: str) -> str:
    """Give an IP address."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError("must be an IP address such as 127.0.0.1") from None


if __name__ == "__main__":
    main()
