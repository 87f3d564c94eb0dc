"""Where the key is looked for, in which order, and that it never shows."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from hailuo_nb.errors import KeyMissing
from hailuo_nb.session.keys import KEY_NAME, Key, KeyRing

CANARY = "canary-0123456789-abcd"


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str | None]:
    """Put a key into every place; take one out by setting it to None."""
    held: dict[str, str | None] = {name: f"{name}-{CANARY}" for name in ("colab", "keyring")}

    class SecretNotFoundError(Exception):
        pass

    def get(name: str) -> str:
        assert name == KEY_NAME
        if held["colab"] is None:
            raise SecretNotFoundError
        return held["colab"]

    userdata = types.SimpleNamespace(get=get, SecretNotFoundError=SecretNotFoundError)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(userdata=userdata))
    ring = types.SimpleNamespace(
        get_password=lambda _service, name: held["keyring"] if name == KEY_NAME else None
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(
        sys.modules,
        "keyring.errors",
        types.SimpleNamespace(KeyringError=type("KeyringError", (Exception,), {})),
    )
    (tmp_path / ".env").write_text(f"{KEY_NAME}=dotenv-{CANARY}\n", "utf-8")
    monkeypatch.setenv(KEY_NAME, f"environment-{CANARY}")
    return held


def test_the_order_of_the_places(
    places: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed, environment, Colab, .env, keyring, nowhere: each only where those before it have none."""

    def found() -> str | None:
        key = KeyRing(tmp_path).find()
        return None if key is None else key.value.partition("-")[0]

    ring = KeyRing(tmp_path)
    ring.typed(f" typed-{CANARY}\n")
    typed = ring.find()
    assert typed is not None
    assert (typed.value, typed.source, typed.last_four) == (f"typed-{CANARY}", "what you typed", "abcd")
    ring.typed("")
    key = ring.find()
    assert key is not None
    assert key.source == "the environment"
    assert found() == "environment"
    monkeypatch.setenv(KEY_NAME, "  ")
    assert found() == "colab"
    places["colab"] = None
    assert found() == "dotenv"
    (tmp_path / ".env").unlink()
    assert found() == "keyring"
    places["keyring"] = None
    assert found() is None


def test_a_typed_key_is_used_although_there_is_a_dotenv(
    places: dict[str, str | None], tmp_path: Path
) -> None:
    """What somebody types last is meant; it beats what lies in the folder."""
    ring = KeyRing(tmp_path, environ={})
    ring.typed(CANARY)
    key = ring.find()
    assert key is not None
    assert key.value == CANARY


@pytest.mark.parametrize(
    "bad", ["abc\ndef", "abc\r\nX: y", "schlüssel", "a b", "a\x00b", "\u200babc", "x" * 513]
)
@pytest.mark.parametrize("place", ["environment", "dotenv", "typed"])
def test_what_no_header_can_carry_is_refused_without_an_echo(tmp_path: Path, place: str, bad: str) -> None:
    """The message says where it stands and shows nothing of it."""
    ring = KeyRing(tmp_path, environ={KEY_NAME: bad} if place == "environment" else {})
    if place == "dotenv":
        escaped = bad.replace("\r", "\\r").replace("\n", "\\n")
        (tmp_path / ".env").write_text(f'{KEY_NAME}="{escaped}"\n', "utf-8")
    look = (lambda: ring.typed(bad)) if place == "typed" else ring.find
    with pytest.raises(KeyMissing) as caught:
        look()
    for part in ("abc", "def", "schl", "xxx"):
        assert part not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert place in str(caught.value).replace(".env", "dotenv")


def test_a_refused_typed_key_leaves_the_one_before(tmp_path: Path) -> None:
    """A slip of the paste does not end the session's work."""
    ring = KeyRing(tmp_path, environ={})
    ring.typed(CANARY)
    with pytest.raises(KeyMissing):
        ring.typed("two words")
    key = ring.find()
    assert key is not None
    assert key.value == CANARY


def test_a_dotenv_supplies_the_key_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Service, address and limits in it reach neither the environment nor the settings; nothing is interpolated."""
    import os

    from hailuo_nb.session.session import Session

    monkeypatch.setenv("HOME_SECRET", "s3cret")
    (tmp_path / ".env").write_text(
        "WAVESPEED_BASE_URL=https://evil.example\nHAILUO_SERVICE=simulator\nHAILUO_BUDGET_USD=9999\n"
        f"export {KEY_NAME}='{CANARY}$HOME_SECRET'\n",
        "utf-8-sig",
    )
    before = dict(os.environ)
    session = Session(tmp_path)
    try:
        now = session.settings()
        assert (now.service, now.base_url, now.budget_usd) == ("auto", "https://api.wavespeed.ai", None)
        key = session.key()
        assert key is not None
        assert key.value == f"{CANARY}$HOME_SECRET"
        assert session.service_name() == "wavespeed"
        assert dict(os.environ) == before
    finally:
        session.close()


def test_dotenv_files_that_are_none(tmp_path: Path) -> None:
    """A folder, rubbish, an enormous file or one without the key are no key and no error."""
    path = tmp_path / ".env"
    ring = KeyRing(tmp_path, environ={})
    for content in (
        b"\xff\xfe\x00",
        b"",
        b"OTHER=1",
        KEY_NAME.encode(),
        b"#" * 1_000_001 + b"\nWAVESPEED_API_KEY=x",
    ):
        path.write_bytes(content)
        assert ring.find() is None
    path.unlink()
    path.mkdir()
    assert ring.find() is None


def test_slow_places_are_asked_once_a_kernel(places: dict[str, str | None], tmp_path: Path) -> None:
    """A keyring may put a question on the screen; it does so once."""
    (tmp_path / ".env").unlink()
    ring = KeyRing(tmp_path, environ={})
    assert ring.find() is not None
    places["colab"] = None
    assert ring.find() is not None
    ring.typed("")
    key = ring.find()
    assert key is not None
    assert key.source == "the system's keyring"


def test_no_repr_shows_a_key(tmp_path: Path) -> None:
    """Neither a key nor what holds it shows it; short keys show no part at all."""
    ring = KeyRing(tmp_path, environ={KEY_NAME: CANARY})
    key = ring.find()
    assert CANARY not in repr(key)
    assert CANARY not in repr(ring)
    assert CANARY not in str(key)
    assert Key("short-key").last_four == ""
