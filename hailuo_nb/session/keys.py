"""Where the WaveSpeed key comes from.

In come the environment, Colab's secrets, a ``.env`` beside the notebook, the system's keyring and what somebody typed;
out goes one `Key`, whose value shows in no repr. Only the client of the service ever reads the value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_nb.errors import KeyMissing

KEY_NAME = "WAVESPEED_API_KEY"
KEYRING_SERVICE = "hailuo_nb"
LONGEST_KEY = 512
LONGEST_DOTENV = 1_000_000


@dataclass(frozen=True)
class Key:
    """An API key and where it was found.

    Attributes
    ----------
    value : str
        The key itself; not part of the repr.
    source : str
        In words: "the environment", "Colab's secrets" and so on.
    """

    value: str = field(repr=False)
    source: str = ""

    @property
    def last_four(self) -> str:
        """The end of the key, for people to tell keys apart; empty for one too short to show a part of."""
        return self.value[-4:] if len(self.value) >= 12 else ""


class KeyRing:
    """Every place the key may be in, looked through in one order.

    Parameters
    ----------
    folder : Path
        The notebook's folder, where a ``.env`` may stand.
    environ : Mapping, optional
        The process environment; this process's when not given.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._typed: Key | None = None
        # Colab and keyrings are slow and may put a question on the screen: each is asked once a kernel.
        self._asked: dict[str, str] = {}

    def find(self) -> Key | None:
        """Give the key, or None when there is none anywhere.

        What was typed in this kernel goes before all else: it was said last.

        Raises
        ------
        KeyMissing
            When a place holds something that cannot be a key; says where, and shows nothing of it.
        """
        if self._typed is not None:
            return self._typed
        places: tuple[tuple[str, Callable[[], str | None]], ...] = (
            ("the environment", lambda: self._environ.get(KEY_NAME)),
            ("Colab's secrets", lambda: self._once("colab", _from_colab)),
            ("the .env beside the notebook", lambda: _from_dotenv(self._folder / ".env")),
            ("the system's keyring", lambda: self._once("keyring", _from_keyring)),
        )
        for source, look in places:
            found = (look() or "").strip()
            if found:
                return Key(_checked(found, source), source)
        return None

    def typed(self, text: str) -> None:
        """Use what somebody typed, in this kernel only; an empty text takes it away and looks everywhere anew.

        Raises
        ------
        KeyMissing
            It cannot be a key; the one before stays.
        """
        text = text.strip()
        if text:
            self._typed = Key(_checked(text, "what you typed"), "what you typed")
        else:
            self._typed = None
            self._asked.clear()

    def _once(self, place: str, look: Callable[[], str | None]) -> str:
        if place not in self._asked:
            self._asked[place] = look() or ""
        return self._asked[place]


def _checked(value: str, source: str) -> str:
    """Refuse what no header can carry, before anything could print it."""
    if len(value) > LONGEST_KEY or not all("!" <= letter <= "~" for letter in value):
        raise KeyMissing(
            f"The key in {source} has a space, a line break or another letter that no key has, or is far too long; "
            "copy it again from wavespeed.ai/accesskey."
        )
    return value


def _from_dotenv(path: Path) -> str | None:
    """Read the key from a ``.env``, and nothing but the key: no other name in it counts or gets anywhere."""
    try:
        if not path.is_file() or path.stat().st_size > LONGEST_DOTENV:
            return None
        # Some editors put a mark before the first name, which would hide it.
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    if KEY_NAME not in text:
        return None
    import io

    from dotenv import dotenv_values

    return dotenv_values(stream=io.StringIO(text), interpolate=False).get(KEY_NAME)


def _from_colab() -> str | None:
    """Ask Colab's secrets, where this is Colab and the user has shared the key with the notebook."""
    try:
        from google.colab import userdata
    except ImportError:
        return None
    names = ("SecretNotFoundError", "NotebookAccessError", "TimeoutException")
    try:
        found = userdata.get(KEY_NAME)
    except Exception as error:
        # Its exceptions are told by their names: not every version has each of them.
        if type(error).__name__ not in names:
            raise
        return None
    return str(found) if found else None


def _from_keyring() -> str | None:
    """Ask the system's keyring, where the extra is installed and a keyring is unlocked."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(KEYRING_SERVICE, KEY_NAME)
    except (KeyringError, OSError, RuntimeError):
        return None
    return found
