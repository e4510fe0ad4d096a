"""A hold that is being paid, with a value in every field, for tests of how it is packed."""

from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus, RowSegment

HELD = HoldRecord(
    id="h",
    status=HoldStatus.PAYING,
    version=3,
    created_ms=1_700_000_000_000,
    expires_ms=1_700_000_001_000,
    latest_ms=1_700_000_002_000,
    seats=(4, 5),
    prices=(9000, 6000),
    rows=(RowSegment(1, 0, 20, 14),),
    total=15_000,
    areas=(AreaUnits(0, 2, 500),),
    buyer="bea",
    digest="d",
    pass_id="p",
    ledger=True,
)
