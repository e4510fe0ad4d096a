"""The keys of a sale: known by one name to scripts and service, and spelt once."""

from __future__ import annotations

from holdfast_lua.bundle.loader import production_bundle
from holdfast_lua.calls.keys import SALE_KEYS, SaleKeys, calls, install_fence, present, retrying

UID = "u1"
OF_NO_SALE = {"requested"}


def test_headers_name_keys_that_are_there() -> None:
    bundle = production_bundle()
    named = {name for script in bundle for name in bundle.script(script).keys.names}
    assert len(named) > 25
    assert named - OF_NO_SALE <= SALE_KEYS.keys()


def test_no_two_keys_are_spelt_alike() -> None:
    assert len({key(UID) for key in SALE_KEYS.values()}) == len(SALE_KEYS)


def test_keys_of_a_sale_share_a_slot_and_have_the_names_of_earlier_releases() -> None:
    assert calls(UID) == "hf:{u1}:calls"
    assert present(UID, "line:7") == "hf:{u1}:present:line:7"
    assert (retrying(UID), install_fence(UID)) == ("hf:{u1}:asking", "hf:{u1}:stock_fence")


def test_script_is_given_the_keys_of_its_header_in_their_order() -> None:
    of_sale, bundle = SaleKeys(UID), production_bundle()
    for _ in range(2):
        assert of_sale.of(bundle.script("read_hold")) == ("hf:{u1}:sale", "hf:{u1}:holds")
    own = ("hf:{u1}:identities:5",)
    assert of_sale.of(bundle.script("bind_identity"), own) == ("hf:{u1}:sale", *own)
