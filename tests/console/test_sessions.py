"""Sealed sessions: what a cookie must not survive."""

import base64

import pytest

from holdfast_console.sessions import (
    ABSOLUTE_SECONDS,
    IDLE_SECONDS,
    LEEWAY_SECONDS,
    ConsoleSession,
    Person,
    SessionCodec,
    new_session,
)
from holdfast_web.keyring import Keyring

NOW = 1_800_000_000
OLD, NEW = "old-secret-" * 4, "new-secret-" * 4


@pytest.fixture
def codec() -> SessionCodec:
    return SessionCodec(Keyring(NEW))


def test_session_is_what_was_sealed(codec: SessionCodec) -> None:
    person = Person("u-1", "Ann", 3)
    session = new_session(NOW, secret="key-1", person=person, language="zh-Hans")
    assert codec.open(codec.seal(session), NOW) == session


def test_cookie_shows_nothing_of_the_key(codec: SessionCodec) -> None:
    session = new_session(NOW, secret="key-that-nobody-sees")
    sealed = codec.seal(session).partition(".")[2]
    assert b"nobody" not in base64.urlsafe_b64decode(sealed + "==")
    assert "nobody" not in repr(session)


def test_session_ends_when_it_is_idle(codec: SessionCodec) -> None:
    text = codec.seal(new_session(NOW))
    assert codec.open(text, NOW + IDLE_SECONDS - 1) is not None
    assert codec.open(text, NOW + IDLE_SECONDS) is None


def test_session_ends_however_much_it_is_used(codec: SessionCodec) -> None:
    last = NOW + ABSOLUTE_SECONDS
    text = codec.seal(ConsoleSession("csrf", NOW, last - 1))
    assert codec.open(text, last - 1) is not None
    assert codec.open(text, last) is None


LATER = NOW + LEEWAY_SECONDS + 1


def test_clock_of_another_node_may_be_a_little_ahead(codec: SessionCodec) -> None:
    text = codec.seal(new_session(NOW + LEEWAY_SECONDS))
    assert codec.open(text, NOW) is not None


@pytest.mark.parametrize(("began", "seen"), [(LATER, LATER), (NOW, LATER), (NOW, NOW - 5)])
def test_session_from_the_future_is_none(codec: SessionCodec, began: int, seen: int) -> None:
    assert codec.open(codec.seal(ConsoleSession("csrf", began, seen)), NOW) is None


def test_no_bit_of_a_cookie_can_be_changed(codec: SessionCodec) -> None:
    kid, _, sealed = codec.seal(new_session(NOW, secret="key")).partition(".")
    raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        text = f"{kid}.{base64.urlsafe_b64encode(changed).decode().rstrip('=')}"
        assert codec.open(text, NOW) is None, at


@pytest.mark.parametrize("text", ["", ".", "x.y", "é.é", "\0", "a" * 5000])
def test_what_is_no_cookie_of_ours_is_none(codec: SessionCodec, text: str) -> None:
    kid = codec.seal(new_session(NOW)).partition(".")[0]
    assert codec.open(text, NOW) is None
    assert codec.open(f"{kid}.{text}", NOW) is None


def test_cookie_of_the_secret_before_is_good_as_long_as_that_is_listed() -> None:
    text = SessionCodec(Keyring(OLD)).seal(new_session(NOW))
    assert SessionCodec(Keyring(NEW, (OLD,))).open(text, NOW) is not None
    assert SessionCodec(Keyring(NEW)).open(text, NOW) is None


def test_forms_of_another_session_are_not_accepted() -> None:
    one, other = new_session(NOW), new_session(NOW)
    assert one.accepts(one.csrf)
    assert not one.accepts(other.csrf)
    assert not one.accepts("")
    assert not one.accepts("é\ud800")
