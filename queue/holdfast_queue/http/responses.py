"""The JSON bodies of the waiting room. Clients rely on these names."""

from holdfast_connector.origins import origin_of
from holdfast_queue.line.results import Admission, JoinResult
from holdfast_queue.line.room import Room
from holdfast_queue.tokens.handoffs import redirect_url
from holdfast_web.timestamps import optional_timestamp, timestamp


def join_members(joined: JoinResult, room: Room, return_url: str | None) -> dict[str, object]:
    """The body of a join: the ticket, and the admission if there was one at once."""
    ticket = joined.ticket
    members: dict[str, object] = {
        "ticket": joined.token,
        "number": ticket.number,
        "lobby_index": ticket.lobby_index,
        "state": joined.state,
    }
    if ticket.lobby_index is not None and room.lobby.draw is not None:
        members["commitment"] = room.lobby.draw.commitment
    if joined.admission is not None:
        members |= admission_members(joined.admission, room, return_url)
    return members


def admission_members(
    admission: Admission, room: Room, return_url: str | None
) -> dict[str, object]:
    """The body of an admission; with a `return_url` it has the redirect to the shop."""
    redirect_to, limit_ms = None, admission.granted.renewable_until_ms
    if return_url is not None:
        redirect_to = redirect_url(return_url, room.handoff(admission, origin_of(return_url)))
    return {
        "pass": admission.token,
        "pass_id": admission.granted.pass_id,
        "expires_at": timestamp(admission.granted.expires_at_ms),
        "renewable_until": timestamp(limit_ms) if limit_ms else None,
        "redirect_to": redirect_to,
    }


def draw_members(room: Room) -> dict[str, object]:
    """The values from which the order can be recomputed, as far as they are public at this
    moment.
    """
    line = room.document.line
    facts = room.lobby.facts(line)
    starts = facts.starts if facts else ()
    return {
        "method": room.settings.queueing_method.value,
        "algorithm": facts and facts.algorithm,
        "commitment": facts and facts.commitment,
        "secret": facts and facts.secret,
        "entrants": line.lobby if line.frozen else None,
        "accumulator": facts and facts.accumulator,
        "beacon": facts and facts.beacon,
        "beacon_source": facts and facts.beacon_source,
        "committed_at": optional_timestamp(starts[0].at_ms if starts else 0),
        "starts": [
            {
                "start": optional_timestamp(start.start_ms),
                "announced_at": optional_timestamp(start.at_ms),
            }
            for start in starts
        ],
        "closed_at": facts and optional_timestamp(facts.closed_ms),
        "sealed_at": facts and optional_timestamp(facts.sealed_ms),
    }
