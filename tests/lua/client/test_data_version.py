import pytest

from holdfast_lua import EmbeddedStore, Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.store import READS, WRITES
from holdfast_lua.client.connect import find_refusal, raise_data_version


async def test_new_store_gets_the_version_of_this_release(own_store: EmbeddedStore) -> None:
    assert await find_refusal(own_store.url) is None
    for _ in range(2):
        await raise_data_version(own_store.url)
    async with Executor(own_store.url) as executor:
        assert await executor.command("GET", keys.DATA_VERSION) == str(WRITES).encode()


async def test_version_is_never_lowered(own_store: EmbeddedStore) -> None:
    later = str(WRITES + 1)
    async with Executor(own_store.url) as executor:
        await executor.command("SET", keys.DATA_VERSION, later)
        await raise_data_version(own_store.url)
        assert await executor.command("GET", keys.DATA_VERSION) == later.encode()


@pytest.mark.parametrize("version", [READS[0] - 1, READS[-1] + 1])
async def test_unknown_version_is_a_refusal(own_store: EmbeddedStore, version: int) -> None:
    async with Executor(own_store.url) as executor:
        await executor.command("SET", keys.DATA_VERSION, str(version))
    refusal = await find_refusal(own_store.url)
    assert refusal is not None
    assert refusal.reason == "incompatible"
    assert f"version {version}" in str(refusal)
