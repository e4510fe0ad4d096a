"""Faults of a deployment: each strikes, shows that it took effect, and is mended.

They block; a crowd goes on meanwhile in another thread. Acknowledged writes are lost on purpose
where the primary of the store is killed: its replicas hear nothing of its last second.
"""

import time
from collections.abc import Callable
from random import Random
from typing import Final

from support.distributed.deployment import Deployment
from support.distributed.programs import Program, wait_for

Fault = Callable[[Deployment, Random], None]

NODE_CUT_SECONDS: Final = 4.0
READ_ONLY_SECONDS: Final = 3.0
NOTICE_SECONDS: Final = 1.0
"""after which whoever watches the database begins its failover"""
UNREPLICATED_SECONDS: Final = 1.2
FAILOVER_SECONDS: Final = 25.0
LATER_SECONDS: Final = 2.0
"""between a failover and the return of the former primary"""


def node_killed(deployment: Deployment, rng: Random) -> None:
    node = rng.choice(deployment.nodes)
    node.kill()
    wait_for(lambda: not node.host.pids(), "the workers follow their parent", 10)
    time.sleep(rng.uniform(0.5, 2.0))
    node.start()


def node_cut_off(deployment: Deployment, rng: Random) -> None:
    node = rng.choice(deployment.nodes)
    node.host.cut()
    time.sleep(NODE_CUT_SECONDS)
    node.host.mend()


def node_without_store(deployment: Deployment, rng: Random) -> None:
    _mute(rng.choice(deployment.nodes), deployment.store.primary().host.address)


def node_without_ledger(deployment: Deployment, rng: Random) -> None:
    _mute(rng.choice(deployment.nodes), deployment.database.address)


def _mute(node: Program, address: str) -> None:
    node.host.mute_towards(address)
    time.sleep(NODE_CUT_SECONDS)
    node.host.unmute_towards(address)


def store_moved(deployment: Deployment, _rng: Random) -> None:
    former = deployment.store.primary()
    deployment.store.move()
    _until_moved(deployment, former)


def store_killed(deployment: Deployment, _rng: Random) -> None:
    store, former = deployment.store, deployment.store.primary()
    replicas = [host.address for host in store.replicas()]
    former.host.mute_towards(*replicas)
    time.sleep(UNREPLICATED_SECONDS)
    former.kill()
    _until_moved(deployment, former)
    time.sleep(LATER_SECONDS)
    # Not before: the kernel would still send what the killed process had left to it.
    former.host.unmute_towards(*replicas)
    store.restart(former)


def store_muted(deployment: Deployment, _rng: Random) -> None:
    """Those who decide about the primary hear nothing of it; the nodes do."""
    store, former = deployment.store, deployment.store.primary()
    peers = [host.address for host in store.peers()]
    former.host.mute_towards(*peers)
    _until_moved(deployment, former)
    time.sleep(LATER_SECONDS)
    former.host.unmute_towards(*peers)


def store_cut_off(deployment: Deployment, _rng: Random) -> None:
    former = deployment.store.primary()
    former.host.cut()
    _until_moved(deployment, former)
    time.sleep(LATER_SECONDS)
    former.host.mend()


def _until_moved(deployment: Deployment, former: Program) -> None:
    def moved() -> bool:
        try:
            return deployment.store.primary() is not former
        except LookupError:
            return False

    wait_for(moved, "the store has another primary", FAILOVER_SECONDS)


def ledger_read_only(deployment: Deployment, _rng: Random) -> None:
    deployment.database.take_writes(False)
    time.sleep(READ_ONLY_SECONDS)
    deployment.database.take_writes(True)


def ledger_killed(deployment: Deployment, _rng: Random) -> None:
    deployment.database.primary.program.kill()
    time.sleep(NOTICE_SECONDS)
    deployment.database.fail_over()
    deployment.database.join_replica()


def ledger_cut_off(deployment: Deployment, _rng: Random) -> None:
    former = deployment.database.primary.host
    former.cut()
    time.sleep(NOTICE_SECONDS)
    deployment.database.fail_over()
    former.mend()
    deployment.database.join_replica()


FAULTS: Final[dict[str, Fault]] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        node_killed,
        node_cut_off,
        node_without_store,
        node_without_ledger,
        store_moved,
        store_killed,
        store_muted,
        store_cut_off,
        ledger_read_only,
        ledger_killed,
        ledger_cut_off,
    )
}


def draw_schedule(seed: int) -> list[str]:
    """The names of all faults in an order drawn from a seed."""
    return Random(seed).sample(list(FAULTS), len(FAULTS))
