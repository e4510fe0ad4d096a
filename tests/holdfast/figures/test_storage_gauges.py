"""What the gauges of the store make of INFO, as Valkey 8 and Redis 7 write it."""

import pytest

from holdfast.figures.storage_gauges import read_info, show_store
from holdfast_metrics.metrics import Metrics

ALONE = b"""# Memory\r
used_memory:1575824\r
total_system_memory:25325268992\r
maxmemory:0\r
\r
# Persistence\r
aof_last_write_status:ok\r
# Replication\r
role:master\r
connected_slaves:0\r
master_repl_offset:0\r
# Keyspace\r
db0:keys=7,expires=1,avg_ttl=59000\r
"""
REPLICATED = b"""maxmemory:4096\r
used_memory:1024\r
aof_last_write_status:err\r
slave0:ip=10.0.0.1,port=6379,state=online,offset=900,lag=0\r
slave1:ip=10.0.0.2,port=6379,state=online,offset=700,lag=1\r
slave_expires_tracked_keys:0\r
master_repl_offset:1000\r
db0:keys=7,expires=1\r
db1:keys=3,expires=0\r
"""


@pytest.mark.parametrize(
    ("info", "shown"),
    [(ALONE, (1575824, 25325268992, 7, 0, 0, 1)), (REPLICATED, (1024, 4096, 10, 2, 300, 0))],
    ids=["alone", "with replicas"],
)
def test_gauges_of_the_store(info: bytes, shown: tuple[int, ...]) -> None:
    metrics = Metrics()
    show_store(metrics, read_info(info))
    names = ("memory_bytes", "memory_max_bytes", "keys", "replicas", "replication_lag_bytes")
    found = [
        metrics.registry.get_sample_value(f"holdfast_store_{name}")
        for name in (*names, "last_aof_write_ok")
    ]
    assert found == list(shown)
