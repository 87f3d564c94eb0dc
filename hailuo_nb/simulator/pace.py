"""How long things take and how many may be asked for: tiers, the minute, and generation times.

In come a variant's typical time and a seed, out goes a time in seconds at speed 1; whoever uses it divides by
the speed.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TIERS", "Tier", "generation_s", "window_start"]


@dataclass(frozen=True)
class Tier:
    """What one account tier allows."""

    name: str
    videos_per_minute: int
    at_once: int


TIERS = {
    tier.name: tier
    for tier in (
        Tier("bronze", 2, 2),
        Tier("silver", 500, 300),
        Tier("gold", 3000, 3000),
        Tier("ultra", 5000, 10000),
    )
}

# Where the service tells no typical time: that of the six variants' 768p and 1080p text-to-video.
_TYPICAL_S = {"1080p": (40.0, 70.0)}
_TYPICAL_ELSE_S = (30.0, 90.0)
# The typical range holds about four fifths of the draws; one in 25 falls into a long tail.
_SPREAD_IN_SIGMAS = 2 * 1.28
_TAIL_SHARE = 0.04


def generation_s(
    typical_s: tuple[float, float] | None, picture: str, inputs: Mapping[str, Any], seed: str
) -> float:
    """Draw a generation time in seconds: the same seed always gives the same time.

    Parameters
    ----------
    typical_s : tuple of float or None
        The variant's usual range.
    picture : str
        Its picture size in words, which decides where there is no range.
    inputs : mapping
        The inputs as billed: longer clips take longer, ``go_fast`` off takes longer.
    seed : str
        What tells this prediction from others.
    """
    low, high = typical_s or _TYPICAL_S.get(picture, _TYPICAL_ELSE_S)
    dice = random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311 - a drawn time is no secret
    middle, spread = math.log(low * high) / 2, math.log(high / low) / _SPREAD_IN_SIGMAS
    seconds = math.exp(dice.gauss(middle, spread))
    seconds = min(max(seconds, low * 0.8), high * 1.2)
    if dice.random() < _TAIL_SHARE:
        seconds *= 1.4 + dice.random()
    if inputs.get("duration") == 10:
        seconds *= 1.5
    if inputs.get("go_fast") is False:
        seconds *= 1.3
    return seconds


def window_start(now: float, speed: float) -> float:
    """When the present minute (scaled by the speed) began."""
    minute = 60 / speed
    return math.floor(now / minute) * minute
