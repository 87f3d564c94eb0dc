"""Whether two files are the same clip, where the file itself has been changed by a site.

In come two files; out goes whether their pictures are the same, packet for packet (the recipe was stripped, or the file
was put into another container), or how much what they show is alike (it was encoded anew). The first is certain, the
second is a measure and never more. Next: `hailuo_nb.session.travelling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import ClipInvalid
from hailuo_nb.media.clip import frames_at, opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Look = NDArray[np.float64]

__all__ = ["alike", "is_same_stream"]

# Shares of the length at which a frame is looked at: not the very ends, where sites cut and fade.
_MOMENTS = (0.04, 0.2, 0.36, 0.52, 0.68, 0.84, 0.96)
_SIZE = (48, 27)
# So many that look most alike at their first moment are looked at further; the rest could not win.
_FINALISTS = 6


def is_same_stream(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same encoded pictures, byte for byte, whatever is written around them.

    Nearly always the first packet tells that they do not, so this is cheap for many files.

    Raises
    ------
    ClipInvalid
        One of them is no video.
    """
    return all(left == right for left, right in zip_longest(_packets(one), _packets(other)))


def alike(path: Path, others: Sequence[Path]) -> list[tuple[int, float]]:
    """Say how much other clips show what this one does.

    Parameters
    ----------
    path : Path
        The clip.
    others : sequence of Path
        What to hold it against; those that cannot be read are left out.

    Returns
    -------
    list of (int, float)
        The number of each and its likeness, the most alike first; at most six. Measured: a clip that was encoded anew,
        smaller and coarse, 0.999; another take of the same words up to 0.981; other scenes 0.6 to 0.97.
    """
    mine = _looks(path, _MOMENTS)
    first = [(number, _likeness(mine[:1], looks)) for number, looks in _each(others, _MOMENTS[:1])]
    first.sort(key=lambda each: -each[1])
    best = [number for number, _ in first[:_FINALISTS]]
    found = [(best[at], _likeness(mine, looks)) for at, looks in _each([others[n] for n in best], _MOMENTS)]
    return sorted(found, key=lambda each: -each[1])


def _each(paths: Sequence[Path], moments: Sequence[float]) -> Iterator[tuple[int, list[Look]]]:
    for number, path in enumerate(paths):
        try:
            yield number, _looks(path, moments)
        except ClipInvalid:
            continue


def _looks(path: Path, moments: Sequence[float]) -> list[Look]:
    """Give small grey pictures of a clip at some moments, without their brightness and contrast."""
    return [_plain(picture) for picture in frames_at(path, moments, _SIZE)]


def _plain(picture: Any) -> Look:
    import numpy as np

    grey = np.asarray(picture.convert("L"), dtype=np.float64)
    grey -= grey.mean()
    norm = float(np.sqrt((grey**2).sum()))
    plain: Look = grey / norm if norm > 1e-6 else grey
    return plain


def _likeness(mine: Sequence[Look], others: Sequence[Look]) -> float:
    """Give the mean correlation of the pictures, 0 for clips in which nothing can be compared."""
    pairs = list(zip(mine, others, strict=False))
    return sum(float((one * other).sum()) for one, other in pairs) / len(pairs) if pairs else 0.0


def _packets(path: Path) -> Iterator[bytes]:
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.dts is not None:  # the empty packet that ends a stream
                yield bytes(packet)
