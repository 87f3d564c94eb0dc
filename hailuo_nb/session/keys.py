"""Where the WaveSpeed key comes from.

In come the environment, Colab's secrets, a ``.env`` beside the notebook, the system's keyring and somebody to ask, in
this order; out goes one `Key`, whose value shows in no repr. Only the client of the service ever reads the value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_nb.errors import KeyMissing

KEY_NAME = "WAVESPEED_API_KEY"
KEYRING_SERVICE = "hailuo_nb"


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


def find(
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    ask: Callable[[], str] | None = None,
) -> Key | None:
    """Look for the key in every place it may be.

    Parameters
    ----------
    folder : Path
        The notebook's folder, where a ``.env`` may stand.
    environ : Mapping, optional
        The process environment; this process's when not given.
    ask : callable, optional
        Asks the user without an echo, where there is somebody to ask.

    Returns
    -------
    Key or None
        None when there is none anywhere.

    Raises
    ------
    KeyMissing
        When a place holds something that cannot be a key; says where, and shows nothing of it.
    """
    places: list[tuple[str, Callable[[], str | None]]] = [
        ("the environment", lambda: (os.environ if environ is None else environ).get(KEY_NAME)),
        ("Colab's secrets", _from_colab),
        ("the .env beside the notebook", lambda: _from_dotenv(folder / ".env")),
        ("the system's keyring", _from_keyring),
    ]
    if ask is not None:
        places.append(("what you typed", ask))
    for source, look in places:
        found = (look() or "").strip()
        if found:
            return Key(_checked(found, source), source)
    return None


def _checked(value: str, source: str) -> str:
    """Refuse what no header can carry, before anything could print it."""
    if not all("!" <= letter <= "~" for letter in value):
        raise KeyMissing(
            f"The key in {source} has a space, a line break or another letter that no key has; "
            "copy it again from wavespeed.ai/accesskey."
        )
    return value


def _from_dotenv(path: Path) -> str | None:
    """Read the key from a ``.env``, and nothing but the key."""
    if not path.is_file():
        return None
    from dotenv import dotenv_values

    try:
        return dotenv_values(path, interpolate=False).get(KEY_NAME)
    except (OSError, UnicodeDecodeError):
        return None


def _from_colab() -> str | None:
    """Ask Colab's secrets, where this is Colab and the user has shared the key with the notebook."""
    try:
        from google.colab import userdata
    except ImportError:
        return None
    try:
        found = userdata.get(KEY_NAME)
    except (userdata.SecretNotFoundError, userdata.NotebookAccessError):
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
    except KeyringError:
        return None
    return found
