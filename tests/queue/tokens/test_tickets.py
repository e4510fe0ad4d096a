import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from holdfast_queue.tokens.tickets import (
    MAX_TOKEN_CHARS,
    Ticket,
    TicketCodec,
    derive_pass_id,
    new_ticket_id,
)
from holdfast_web.channels import CARRIED_MAX

OLD, NEW = b"o" * 32, b"n" * 32
TICKET = Ticket("abcdefghij12", 3, 2**64 - 1, 12_345_678, None, 1_800_000_000)

tickets = st.builds(
    lambda uid, epoch, id_, place, at: Ticket(
        uid, epoch, id_, place if place > 0 else None, None if place > 0 else -place, at
    ),
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=12),
    st.integers(1, 2**17),
    st.integers(0, 2**64 - 1),
    st.integers(-(2**32), 2**32),
    st.integers(0, 2**33),
)


@given(tickets)
def test_ticket_reads_back_as_it_was_made(ticket: Ticket) -> None:
    codec = TicketCodec([NEW])
    token = codec.make(ticket)
    assert len(token) <= MAX_TOKEN_CHARS
    assert codec.read(token) == ticket


def test_ticket_carries_channels_within_its_bound() -> None:
    codec = TicketCodec([NEW])
    longest = tuple(f"{number:x<32}" for number in range(CARRIED_MAX))
    carried = replace(TICKET, channels=longest, buyer="b" * 20, issued_at_s=2**33)
    token = codec.make(carried)
    assert len(token) <= MAX_TOKEN_CHARS
    assert codec.read(token) == carried
    assert codec.read(codec.make(TICKET)) == TICKET
    named = replace(TICKET, buyer="b" * 20)
    assert codec.read(codec.make(named)) == named
    assert named.subject == named.buyer


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_ticket_with_a_changed_byte_is_none(position: int, character: int) -> None:
    codec = TicketCodec([NEW])
    token = codec.make(TICKET)
    place = position % len(token)
    changed = token[:place] + chr(character) + token[place + 1 :]
    assert codec.read(changed) == (TICKET if changed == token else None)


@given(st.text(max_size=300))
def test_nonsense_is_no_ticket(token: str) -> None:
    assert TicketCodec([NEW]).read(token) is None


def test_rotated_key_still_verifies_and_a_retired_one_does_not() -> None:
    token = TicketCodec([OLD]).make(TICKET)
    assert TicketCodec([NEW, OLD]).read(token) == TICKET
    assert TicketCodec([NEW]).read(token) is None
    assert TicketCodec([OLD]).read(TicketCodec([NEW, OLD]).make(TICKET)) is None


def test_ticket_of_a_later_version_is_no_ticket() -> None:
    codec = TicketCodec([NEW])
    with pytest.raises(ValueError, match="number or a lobby index"):
        codec.make(replace(TICKET, number=None))


def test_pass_and_subject_follow_from_the_id_and_the_sale_alone() -> None:
    moved = replace(TICKET, epoch=9, number=1, issued_at_s=0)
    assert (moved.pass_id, moved.subject) == (TICKET.pass_id, TICKET.subject)
    assert TICKET.pass_id == derive_pass_id(TICKET.uid, TICKET.id)
    others = {replace(TICKET, id=1).pass_id, replace(TICKET, uid="other").pass_id, TICKET.subject}
    assert TICKET.pass_id not in others
    assert len(others) == 3


def test_frozen_vector() -> None:
    """Tickets in visitors' hands must outlive a release."""
    token = TicketCodec([b"k" * 32]).make(Ticket("uid", 1, 7, None, 0, 100))
    assert TicketCodec([b"k" * 32]).read(token) == Ticket("uid", 1, 7, None, 0, 100)
    assert token == "Gk0xAA8fWx1d0wQR6WyHMRb0RpWjdWlkAQf_ZA"


def test_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        TicketCodec([b"short"])
    with pytest.raises(ValueError, match="needs a key"):
        TicketCodec([])
    codec = TicketCodec([b"topsecret" * 4])
    assert "topsecret" not in repr(vars(codec))


def test_ids_are_not_repeated() -> None:
    assert len({new_ticket_id() for _ in range(1000)}) == 1000
