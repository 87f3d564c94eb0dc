"""The clips under the form.

In comes a batch that a click has made; out go its live card inside the form, and its static twin in the output below,
both kept in step by the background loop. A click runs in no cell, so nothing here displays anew: cards are children of
a box, and twins are an update of one output that the form's cell has left for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import ipywidgets
from IPython.display import publish_display_data

from hailuo_nb.jobs.job import Job
from hailuo_nb.session.batch import Batch

__all__ = ["Board", "Shower"]

MOST_BATCHES = 12


@runtime_checkable
class Shower(Protocol):
    """Whoever draws batches elsewhere than in the running cell, and hands on clips that are to be used again."""

    fill: Callable[[Job], None] | None

    def show_under(self, batch: Batch, publish: Any) -> Any:
        """Show a batch where `publish` puts it; gives the live widget, if there is one."""
        ...


class Board:
    """The place for cards and twins.

    Parameters
    ----------
    display_id : str
        The output for the twins.

    Attributes
    ----------
    box : ipywidgets.VBox
        The live cards, newest first.
    """

    def __init__(self, display_id: str) -> None:
        self.box = ipywidgets.VBox().add_class("hailuo-cards")
        self._display_id = display_id
        self._lock = threading.RLock()
        self._head: Mapping[str, str] = {}
        self._twins: dict[str, Mapping[str, Any]] = {}
        self._cards: dict[str, Any] = {}
        self._is_open = False

    def open(self, head: Mapping[str, str]) -> None:
        """Leave the output for the twins in the running cell, with what stands there when nothing is live."""
        with self._lock:
            self._head = head
            self._is_open = True
            self._paint(is_update=False)

    def retitle(self, head: Mapping[str, str]) -> None:
        """Say anew what stands in the form."""
        with self._lock:
            if self._is_open and head != self._head:
                self._head = head
                self._paint()

    def show(self, batch: Batch, front: Shower) -> None:
        """Show a batch; from any thread."""
        with self._lock:
            card = front.show_under(batch, self._publish)
            if card is not None:
                self._cards[_name(self._last)] = card
                self._lay()

    def _publish(self, bundle: Mapping[str, Any], display_id: str, is_update: bool) -> None:
        """Take what a painter would display."""
        with self._lock:
            self._last = display_id
            if display_id.endswith("-card"):
                if is_update and self._cards.pop(_name(display_id), None) is not None:
                    self._lay()
                return
            self._twins[_name(display_id)] = bundle
            self._paint()

    def _lay(self) -> None:
        self.box.children = tuple(reversed(self._cards.values()))

    def _paint(self, *, is_update: bool = True) -> None:
        """Write the one output anew: what stands in the form, and every twin, newest first."""
        if not self._is_open:
            return
        newest = list(reversed(self._twins.values()))
        shown, more = newest[:MOST_BATCHES], len(newest) - MOST_BATCHES
        rest = f"{more} earlier ones: %hailuo history" if more > 0 else ""
        htmls = [str(bundle.get("text/html", "")) for bundle in (self._head, *shown)]
        texts = [str(bundle.get("text/plain", "")) for bundle in (self._head, *shown)]
        gap = '<div style="height:16px"></div>'
        bundle: dict[str, Any] = {
            "text/html": f"<div>{gap.join(html for html in htmls if html)}{f'<div>{rest}</div>' if rest else ''}</div>",
            "text/plain": "\n\n".join(text for text in [*texts, rest] if text),
        }
        sheets = [each["image/jpeg"] for each in shown if "image/jpeg" in each]
        if sheets:  # what a PDF shows of it: the newest
            bundle["image/jpeg"] = sheets[0]
        publish_display_data(  # type: ignore[no-untyped-call]
            bundle, transient={"display_id": self._display_id}, update=is_update
        )


def _name(display_id: str) -> str:
    """Give what card and twin of one batch share."""
    return display_id.removesuffix("-card").removesuffix("-twin")
