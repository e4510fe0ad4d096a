"""Scenarios of two stores that chance finds too seldom, written down."""

from typing import Final

from model.operations import operator
from model.two_stores import operations
from model.two_stores.scenario import Scenario
from model.two_stores.state import FORMER, PROMOTED, TwoStoreState


async def two_install_the_first_epoch(state: TwoStoreState) -> None:
    """The replica knows nothing of an installation that is under way in the former master."""
    slow = state.start(0, operator.sweep)
    await state.run(slow, until="ledger.sales.bind_store")
    await state.fail_over()
    await state.run(state.start(1, operator.sweep))
    await state.run(slow)


async def installer_moves_before_the_sale_hash(state: TwoStoreState) -> None:
    """A node writes the stock in one store, and would write its sale hash in the other."""
    slow = state.start(0, operator.sweep)
    await state.run(slow, until="ledger.sales.bind_store")
    bind = next(call for call in state.scheduler.waiting if call.worker is slow)
    await state.fail_over()
    state.look(0)
    await state.scheduler.run_until_blocked()
    await _all_but(state, bind)
    for _ in range(2):  # refused as it moves, then answered
        state.ping(0)
        await state.scheduler.run_until_blocked()
        await _all_but(state, bind)
    await state.run(slow)


async def _all_but(state: TwoStoreState, kept: object) -> None:
    while calls := [call for call in state.scheduler.waiting if call is not kept]:
        await state.scheduler.deliver(calls[:1])


async def former_finds_the_ledger_ahead(state: TwoStoreState) -> None:
    """The promoted store is lost and rebuilt; who is on the former takes that for its own loss."""
    for number in range(2):
        await state.run(state.start(number, operator.sweep))
    await state.replicate()
    await state.fail_over()
    state.look(1)
    await state.run()
    await state.wipe(PROMOTED)
    for _ in range(3):
        await state.run(state.start(1, operator.sweep))
    await state.wipe(FORMER)
    for _ in range(3):
        await state.run(state.start(0, operator.sweep))


async def former_is_lost_after_the_failover(state: TwoStoreState) -> None:
    """The store that was replaced loses the sale, and a node there has not heard of the other."""
    await state.run(state.start(0, operator.sweep))
    await state.replicate()
    await state.fail_over()
    await state.wipe(FORMER)
    for _ in range(3):
        await state.run(state.start(0, operator.sweep))


async def fresh_hold_is_asked_for_at_the_former(state: TwoStoreState) -> None:
    """A hold of the promoted store is to be confirmed by a node that is on the former."""
    for number in range(2):
        await state.run(state.start(number, operator.sweep))
    await _confirmed_at_the_former(state)


async def fresh_hold_of_a_later_epoch_is_asked_for_at_the_former(state: TwoStoreState) -> None:
    """The same after a rebuild, when a hold that is not known counts as lost."""
    await state.run(state.start(0, operator.sweep))
    await state.wipe(FORMER)
    for number in (0, 0, 1, 1):
        await state.run(state.start(number, operator.sweep))
    await _confirmed_at_the_former(state)


async def _confirmed_at_the_former(state: TwoStoreState) -> None:
    await state.replicate()
    await state.fail_over()
    state.look(1)
    await state.run()
    for _ in range(2):
        await state.run(state.start(1, operations.hold(state, 1, 1)))
    assert state.seen
    for _ in range(3):
        for held in list(state.seen.values()):
            await state.run(state.start(0, operations.confirm(state, held)))


DIRECTED: Final[dict[str, Scenario]] = {
    scenario.__name__: scenario
    for scenario in (
        two_install_the_first_epoch,
        installer_moves_before_the_sale_hash,
        former_finds_the_ledger_ahead,
        former_is_lost_after_the_failover,
        fresh_hold_is_asked_for_at_the_former,
        fresh_hold_of_a_later_epoch_is_asked_for_at_the_former,
    )
}
"""all of them, by name"""
