"""The steps that recompute the order of a draw, and what they cannot show.

Each step prints what it computes, raises `DrawFails` at a contradiction, and adds to `Findings`
what it has compared with something from outside the record (a note, a ticket) and what it could
not. Values of one record that agree with each other prove nothing: anybody can make such a record.
"""

from collections.abc import Iterator
from typing import Final

import click

from holdfast_queue.draw.commitment import (
    ALGORITHM,
    FIRST_ALGORITHM,
    MAX_BEACON_CHARS,
    SECRET_BYTES,
    Sealed,
    commit,
    commit_terms,
    draw_key,
    is_beacon,
)
from holdfast_queue.draw.permutation import DrawnOrder, fingerprint
from holdfast_queue.draw.record import (
    CannotVerify,
    DrawFails,
    Findings,
    KnownValues,
    Published,
    note,
    shown,
    step,
)
from holdfast_queue.draw.times import check_times
from holdfast_web.timestamps import unix_ms

WHOLE_ORDER_MAX: Final = 2_000_000


def check_draw(published: Published, known: KnownValues, whole: bool | None) -> Findings:
    """Runs all steps and returns what they found; raises DrawFails or CannotVerify."""
    secret = _require_drawn(published)
    findings = Findings()
    _check_commitment(published, known, secret, findings)
    order = _check_key(published, known, secret, findings)
    _check_order(order, known, whole, findings)
    _check_ticket(order, known, findings)
    check_times(published, known, findings)
    if not findings.order_checked:
        findings.unchecked.append(
            "entrants, accumulator, beacon: others would give another order that agrees with itself"
            " as well; --index and --number of a ticket tell, or a --fingerprint"
        )
    return findings


def _require_drawn(published: Published) -> bytes:
    """The secret of a drawn order of a known algorithm; raises CannotVerify otherwise."""
    if published.method != "random":
        raise CannotVerify(f"The queueing method is {published.method}: nothing is drawn.")
    if published.algorithm not in {FIRST_ALGORITHM, ALGORITHM}:
        raise CannotVerify(
            f"The algorithm is {published.algorithm}; this program knows {FIRST_ALGORITHM} and"
            f" {ALGORITHM}."
        )
    if published.secret is None or published.accumulator is None or published.entrants is None:
        click.echo(f"The commitment is {published.commitment}. Note it: you can compare it later.")
        raise CannotVerify("The order is not drawn yet: the secret is revealed at the open.")
    if published.algorithm == ALGORITHM and not published.starts:
        raise DrawFails("A draw of this algorithm has a first announced start.")
    return _secret_of(published.secret)


def _check_commitment(
    published: Published, known: KnownValues, secret: bytes, findings: Findings
) -> None:
    computed = _committed(published, secret)
    step(1, "The commitment was made to these values.")
    note("secret", published.secret)
    if published.algorithm == ALGORITHM:
        note("start, as first announced", shown(published.starts[0].start))
        note("beacon's source", published.beacon_source or "none")
    else:
        findings.unchecked.append(
            f"beacon_source, starts: the commitment of {FIRST_ALGORITHM} covers the secret alone"
        )
    note("computed from them", computed)
    note("commitment, as published", published.commitment)
    if computed != published.commitment:
        raise DrawFails("The commitment was made to other values.")
    if known.commitment is None:
        findings.unchecked.append(
            "commitment: that it was this one before the open; --commitment of your own note tells"
        )
    elif known.commitment.lower() != computed:
        raise DrawFails(f"You noted another commitment: {known.commitment}.")
    else:
        findings.checked.append("the commitment, with your note")


def _committed(published: Published, secret: bytes) -> str:
    if published.algorithm == FIRST_ALGORITHM:
        return commit(secret)
    return commit_terms(secret, unix_ms(published.starts[0].start), published.beacon_source)


def _check_key(
    published: Published, known: KnownValues, secret: bytes, findings: Findings
) -> DrawnOrder:
    step(2, "The key follows from the commitment's values, entrants, accumulator and beacon.")
    entrants, accumulator = published.entrants or 0, published.accumulator or ""
    note("entrants", f"{entrants:,}")
    note("accumulator", accumulator)
    _check_beacon(published, known, findings)
    bound = None if published.algorithm == FIRST_ALGORITHM else published.commitment
    try:
        key = draw_key(secret, Sealed(entrants, accumulator, published.beacon), bound)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"entrants or accumulator cannot be read: {error}") from error
    note("key", key.hex())
    return DrawnOrder(key, entrants)


def _check_beacon(published: Published, known: KnownValues, findings: Findings) -> None:
    source, value = published.beacon_source, published.beacon
    note("beacon", "none" if value is None else value)
    if known.beacon is not None and known.beacon != value:
        raise DrawFails(f"You read another beacon: {known.beacon}.")
    if source is None:
        if value is not None:
            raise DrawFails("A beacon was used that was not announced.")
        findings.judge.append(
            "no beacon was announced: whoever knew the secret could aim by nonces"
        )
    elif value is None:
        if published.entrants:
            raise DrawFails("A beacon was announced, and the order was drawn without it.")
    elif published.algorithm == ALGORITHM and not is_beacon(value):
        raise DrawFails(f"A beacon is 1 to {MAX_BEACON_CHARS} printable characters, trimmed.")
    elif known.beacon is None:
        findings.unchecked.append(
            f"beacon: that its source published this value ({source}); --beacon of your own"
            " reading tells"
        )
    else:
        findings.checked.append("the beacon, with the value that you read at its source")


def _check_order(
    order: DrawnOrder, known: KnownValues, whole: bool | None, findings: Findings
) -> None:
    step(3, "The order is one-to-one.")
    if whole is None:
        whole = order.size <= WHOLE_ORDER_MAX or known.fingerprint is not None
    if not whole:
        note("skipped", "--whole computes all of it, about two seconds for each million")
        findings.unchecked.append("that the whole order is one-to-one; --whole computes it")
        return
    drawn = bytearray(order.size)
    found = fingerprint(_ticked(order, drawn))
    note("fingerprint of all numbers", found)
    missing = drawn.count(0)
    if missing:
        raise DrawFails(f"{missing:,} numbers are nobody's: the order is not one-to-one.")
    note("numbers", f"each of 1 to {order.size:,} belongs to one lobby index")
    if known.fingerprint is not None:
        if known.fingerprint.lower() != found:
            raise DrawFails(f"You were given another fingerprint: {known.fingerprint}.")
        findings.checked.append("all numbers, with the fingerprint that you were given")
        findings.order_checked = True


def _ticked(order: DrawnOrder, drawn: bytearray) -> Iterator[int]:
    """The numbers in the order of their indices, each marked in `drawn`."""
    for number in order.numbers():
        drawn[number - 1] = 1
        yield number


def _check_ticket(order: DrawnOrder, known: KnownValues, findings: Findings) -> None:
    if known.index is None:
        return
    step(4, f"The ticket with lobby index {known.index:,}.")
    if known.index >= order.size:
        raise DrawFails(f"The lobby had {order.size:,} places, from index 0: this is none of them.")
    number = order.number_of(known.index)
    note("number", f"{number:,} of {order.size:,}")
    if known.number is None:
        return
    if known.number != number:
        raise DrawFails(f"The ticket was shown the number {known.number:,}.")
    findings.checked.append("the number of the ticket, with the one that it was shown")
    findings.order_checked = True


def _secret_of(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError as error:
        raise click.UsageError(f"the secret cannot be read: {error}") from error
    if len(secret) != SECRET_BYTES:
        raise click.UsageError(f"the secret must have {SECRET_BYTES} bytes")
    return secret
