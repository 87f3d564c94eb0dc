"""One line of the table: what was measured, beside what, and what is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class NotMeasured(Exception):
    """A benchmark cannot run here; the one line says what is missing."""


@dataclass(frozen=True)
class Row:
    """A figure and its peer's, in the same unit.

    Parameters
    ----------
    what : str
        What is measured, in a few words.
    ours : float, optional
        Our figure; None where it could not be measured, and `note` says why.
    unit : str
        Of both figures: ``"ms"``, ``"MB/s"``, ``"requests"``; ``""`` for a bare count.
    peer : float, optional
        The peer's figure, measured in turn with ours.
    beside : str
        What the peer is: ``"jupysql"``, ``"plain pandas.read_sql"``.
    at_most, at_least : float, optional
        Limit of our figure.
    ratio_at_most, ratio_at_least : float, optional
        Limit of our figure divided by the peer's.
    note : str
        What the reader must know, as one short clause: it stands under the table.
    raw : dict of str to sequence of float
        Every single measurement, for ``--json``.

    Examples
    --------
    >>> Row("load", 12.0, "ms", peer=600.0, beside="jupysql", at_most=30, ratio_at_most=1 / 20).reached
    True
    """

    what: str
    ours: float | None
    unit: str
    peer: float | None = None
    beside: str = ""
    at_most: float | None = None
    at_least: float | None = None
    ratio_at_most: float | None = None
    ratio_at_least: float | None = None
    note: str = ""
    raw: dict[str, Sequence[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return None if self.ours is None or not self.peer else self.ours / self.peer

    @property
    def reached(self) -> bool | None:
        """Whether every limit is kept; None where there is no limit, or one that could not be tried."""
        checks = [
            *((self.ours, limit, 1) for limit in (self.at_most,) if limit is not None),
            *((self.ours, limit, -1) for limit in (self.at_least,) if limit is not None),
            *((self.ratio, limit, 1) for limit in (self.ratio_at_most,) if limit is not None),
            *((self.ratio, limit, -1) for limit in (self.ratio_at_least,) if limit is not None),
        ]
        kept = [None if figure is None else figure * sign <= limit * sign for figure, limit, sign in checks]
        if False in kept:
            return False
        return None if not kept or None in kept else True
