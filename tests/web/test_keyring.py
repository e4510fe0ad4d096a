import pytest

from holdfast_web.keyring import Keyring, Purpose

OLD = "o" * 40
NEW = "n" * 40


def test_nodes_with_the_same_secret_agree() -> None:
    assert Keyring(NEW).signing(Purpose.TICKET) == Keyring(NEW).signing(Purpose.TICKET)


def test_derivation_is_frozen() -> None:
    """Changing it would invalidate every ticket and pass that is out."""
    key = Keyring("0123456789abcdef0123456789abcdef").signing(Purpose.TICKET)
    assert key.kid == "95f191862fc2"
    assert key.key.hex() == "ae04eb6c84d76f84328870f16d53e4f0724b63518fc83f8080d0d67f55012e35"


def test_purposes_have_unrelated_keys() -> None:
    ring = Keyring(NEW)
    keys = {ring.signing(purpose).key for purpose in Purpose}
    kids = {ring.signing(purpose).kid for purpose in Purpose}
    assert len(keys) == len(kids) == len(Purpose)


def test_previous_secret_verifies_until_it_is_unlisted() -> None:
    old = Keyring(OLD).signing(Purpose.PASS)
    rotated = Keyring(NEW, [OLD])
    assert rotated.signing(Purpose.PASS) != old
    assert rotated.find(Purpose.PASS, old.kid) == old
    assert Keyring(NEW).find(Purpose.PASS, old.kid) is None


def test_kid_of_another_purpose_finds_nothing() -> None:
    ring = Keyring(NEW)
    assert ring.find(Purpose.PASS, ring.signing(Purpose.TICKET).kid) is None


def test_secret_listed_twice_counts_once() -> None:
    assert len(Keyring(NEW, [NEW, OLD]).keys(Purpose.PASS)) == 2


def test_key_does_not_show_in_its_repr() -> None:
    key = Keyring(NEW).signing(Purpose.TICKET)
    assert key.key.hex() not in repr(key)
    assert repr(key.key) not in repr(key)


@pytest.mark.parametrize(("secret", "previous"), [("short", []), (NEW, ["short"])])
def test_short_secret_is_refused_without_being_shown(secret: str, previous: list[str]) -> None:
    with pytest.raises(ValueError, match="at least") as caught:
        Keyring(secret, previous)
    assert "short" not in str(caught.value)
