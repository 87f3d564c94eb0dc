"""Small things a person has chosen, remembered in the ledger.

In comes a name and a word, out goes the word the next time. Nothing is made for it: where there is no ledger yet, it is
remembered for this kernel and written down when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

_unwritten: WeakKeyDictionary[Session, dict[str, str]] = WeakKeyDictionary()


def remember(session: Session, name: str, word: str) -> None:
    """Remember a choice."""
    _unwritten.setdefault(session, {})[name] = word
    write_down(session)


def recall(session: Session, name: str, default: str) -> str:
    """Give a choice as it was last made."""
    here = _unwritten.get(session, {})
    if name in here:
        return here[name]
    kept = session.ledger.recall(f"taste:{name}") if session.has_ledger() else None
    return kept if isinstance(kept, str) else default


def write_down(session: Session) -> None:
    """Hand over to the ledger what was chosen before there was one."""
    if not session.has_ledger():
        return
    here = _unwritten.pop(session, {})
    for name, word in here.items():
        session.ledger.remember(f"taste:{name}", word)
