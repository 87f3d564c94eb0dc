"""How long a batch still takes.

In come the clips that are waiting and out, what a variant is likely to take, and the account's limits; out goes an
estimate in seconds. The limits count: a hundred clips under two submits a minute take fifty minutes however quick each
is. Next: the card says it, from the first moment on.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import Expectation, expect
from hailuo_nb.settings import TIERS, Tier

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

PAST_CLIPS = 50
MINUTE_S = 60.0
# A clip that takes longer than nearly all before it may be ready at any moment.
SOON_S = 2.0


@dataclass(frozen=True)
class Outlook:
    """What is known beforehand of the clips of a batch; looked up once, so that drawing asks no disk.

    Attributes
    ----------
    expected : Mapping[str, Expectation]
        By variant.
    tier : Tier
        The limits that hold.
    tier_name : str
        What they are called; empty where they are the user's own.
    window_s : float
        How long a minute of the service lasts; the simulator's is shorter.
    """

    expected: Mapping[str, Expectation] = field(default_factory=dict)
    tier: Tier = TIERS["bronze"]
    tier_name: str = ""
    window_s: float = MINUTE_S

    @property
    def pace(self) -> str:
        """Say the limit: ``at 2 a minute (bronze)``."""
        per_minute = round(self.tier.videos_per_minute * MINUTE_S / self.window_s)
        return f"at {per_minute:,} a minute" + (f" ({self.tier_name})" if self.tier_name else "")

    def left_s(self, jobs: Sequence[Job], now: datetime) -> float | None:
        """Give the seconds until the last of these clips is likely to be here; None where nobody can say."""
        going = [job for job in jobs if not job.done() or job.is_held]
        if any(job.variant not in self.expected for job in going):
            return None
        out = [job for job in going if job.status not in {"planned", "unconfirmed"}]
        waiting = [job for job in going if job.status == "planned"]
        if not waiting and all(_since(job, now) > self.expected[job.variant].late_s for job in out):
            # Longer than usual: it may be any moment, and another guess would be no better than the first.
            return None
        return queue_s(
            waiting_s=[self._usual_s(job) for job in waiting],
            out_s=[self._rest_s(job, now) for job in out],
            sent_ago_s=[_since(job, now) for job in jobs if job.row.submitted_utc is not None],
            tier=self.tier,
            window_s=self.window_s,
        )

    def is_held_up(self, jobs: Sequence[Job], left_s: float) -> bool:
        """Tell whether the limits, and not the clips themselves, make most of that time."""
        usual = [self._usual_s(job) for job in jobs if job.variant in self.expected]
        return bool(usual) and left_s > 2 * max(usual)

    def _usual_s(self, job: Job) -> float:
        known = self.expected[job.variant]
        return (known.early_s + known.late_s) / 2

    def _rest_s(self, job: Job, now: datetime) -> float:
        known, elapsed = self.expected[job.variant], _since(job, now)
        end = self._usual_s(job) if elapsed < self._usual_s(job) else known.late_s
        return max(end - elapsed, min(SOON_S, known.late_s))


def outlook_of(
    session: Session, typical_s: Mapping[str, tuple[float, float] | None], service: str
) -> Outlook:
    """Look up what the ledger knows of these variants besides the catalogue, and the limits of the account.

    Parameters
    ----------
    session : Session
        Has the ledger and the settings.
    typical_s : Mapping
        By variant, what the catalogue says that a clip takes.
    service : str
        Where the clips are made.
    """
    speed = session.speed_of(service)
    expected: dict[str, Expectation] = {}
    for name in typical_s:
        past = session.ledger.durations(name, service, PAST_CLIPS) if session.has_ledger() else []
        found = expect(past, typical_s.get(name), speed)
        if found is not None:
            expected[name] = found
    tier = session.runner(service).desk.limits()
    name = next((name for name, each in TIERS.items() if each == tier), "")
    return Outlook(expected, tier, name, MINUTE_S / speed)


def queue_s(
    waiting_s: Sequence[float],
    out_s: Sequence[float],
    sent_ago_s: Sequence[float],
    tier: Tier,
    window_s: float = MINUTE_S,
) -> float:
    """Play the queue through: who waits goes as soon as a place is free and the minute allows it.

    Parameters
    ----------
    waiting_s : Sequence[float]
        What each waiting clip will take, in seconds, in the order of the queue.
    out_s : Sequence[float]
        What each clip that is out still takes.
    sent_ago_s : Sequence[float]
        How long ago the last clips were sent.
    tier : Tier
        How many in a window, and how many at once.
    window_s : float
        The seconds of a window.

    Examples
    --------
    >>> round(queue_s([60.0] * 100, [], [], TIERS["bronze"]) / 60)
    50
    """
    sent = deque(sorted(-ago for ago in sent_ago_s if 0 <= ago < window_s), maxlen=tier.videos_per_minute)
    out = list(out_s)
    heapq.heapify(out)
    now = 0.0
    last = max(out, default=0.0)
    for takes_s in waiting_s:
        if len(sent) == tier.videos_per_minute:
            now = max(now, sent[0] + window_s)
        while len(out) >= tier.concurrency:
            now = max(now, heapq.heappop(out))
        sent.append(now)
        heapq.heappush(out, now + takes_s)
        last = max(last, now + takes_s)
    return last


def _since(job: Job, now: datetime) -> float:
    sent = job.row.submitted_utc
    return (now - sent).total_seconds() if sent is not None else 0.0
