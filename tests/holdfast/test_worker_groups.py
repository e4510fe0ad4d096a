from pathlib import Path

import pytest

from holdfast.config import ConfigError, load_config
from holdfast.worker_groups import WorkerGroup

PUBLIC = {"public_url": "https://tickets.example"}
SHOP = "127.0.0.1:8081"


def groups(**settings: object) -> dict[str, WorkerGroup]:
    return {group.name: group for group in load_config(None, {}, settings).config.groups()}


def leader(**settings: object) -> str:
    leaders = [name for name, group in groups(**settings).items() if group.leads]
    assert len(leaders) == 1
    return leaders[0]


def test_one_group_serves_everything_by_default() -> None:
    (only,) = groups(workers=3).values()
    assert (only.name, str(only.address), only.workers) == ("main", "127.0.0.1:8080", 3)
    assert only.roles == ("room", "sales_floor", "shop", "operator")


def test_role_with_its_own_listener_leaves_the_main_one() -> None:
    made = groups(listen_shop=SHOP, workers_shop=2, workers=4)
    assert made["main"].roles == ("room", "sales_floor", "operator")
    assert (made["shop"].roles, str(made["shop"].address)) == (("shop",), SHOP)
    assert (made["main"].workers, made["shop"].workers) == (4, 2)


def test_roles_with_the_same_listener_are_one_group() -> None:
    made = groups(listen_shop=SHOP, listen_operator=SHOP, workers_operator=2)
    assert made["shop+operator"].roles == ("shop", "operator")
    assert made["shop+operator"].workers == 2


def test_any_free_port_is_another_one_for_each_role() -> None:
    assert set(groups(listen_shop="127.0.0.1:0", listen_operator="127.0.0.1:0")) == {
        "main",
        "shop",
        "operator",
    }


def test_no_main_listener_when_every_role_has_its_own() -> None:
    own = {f"listen_{role}": f"127.0.0.1:{port}" for role, port in _FOUR}
    assert set(groups(**own)) == {"room", "sales_floor", "shop", "operator"}
    # whose port is then free for one of them
    assert groups(**own, port=8083)["shop"].address.port == 8083


_FOUR = (("room", 8081), ("sales_floor", 8082), ("shop", 8083), ("operator", 8084))


def test_node_serves_the_roles_it_is_given(tmp_path: Path) -> None:
    assert groups(roles=["sales-floor", "room"])["main"].roles == ("room", "sales_floor")
    file = tmp_path / "holdfast.toml"
    file.write_text('roles = ["shop"]\n')
    assert load_config(file, {}).config.groups()[0].roles == ("shop",)
    environ = {"HOLDFAST_ROLES": "shop, operator"}
    assert load_config(None, environ).config.groups()[0].roles == ("shop", "operator")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "main"),
        ({"listen_shop": SHOP}, "shop"),
        ({"listen_operator": SHOP}, "operator"),
        ({"listen_shop": SHOP, "listen_operator": "127.0.0.1:8082"}, "operator"),
        ({"listen_room": SHOP}, "main"),
        ({"listen_sales_floor": SHOP}, "sales_floor"),
        ({"listen_room": SHOP, "listen_sales_floor": "127.0.0.1:8082"}, "main"),
        ({"listen_room": SHOP, "listen_sales_floor": SHOP, "roles": ["room", "sales_floor"]}, None),
    ],
)
def test_housekeeping_is_done_where_the_crowd_reaches_least(
    settings: dict[str, object], expected: str | None
) -> None:
    assert leader(**settings) == (expected or "room+sales_floor")


@pytest.mark.parametrize("text", ["unix:/run/holdfast/shop.sock", "[::1]:8081", "localhost:8081"])
def test_listener_is_shown_as_it_is_written(text: str) -> None:
    assert str(groups(listen_shop=text)["shop"].address) == text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"listen_shop": "8081"}, "setting listen_shop: write HOST:PORT"),
        ({"listen_shop": ":8081"}, "setting listen_shop: write HOST:PORT"),
        ({"listen_shop": "127.0.0.1:70000"}, "setting listen_shop: write HOST:PORT"),
        ({"listen_shop": "127.0.0.1:eighty"}, "setting listen_shop: write HOST:PORT"),
        ({"listen_shop": ""}, "setting listen_shop: write HOST:PORT"),
        ({"listen_shop": "::1:8081"}, "setting listen_shop: an IPv6 address is written in"),
        ({"listen_shop": "unix:run.sock"}, "setting listen_shop: a unix socket has an absolute"),
        ({"listen_shop": "unix:/" + "x" * 107}, "setting listen_shop: a unix socket has an abs"),
        ({"listen_shop": "127.0.0.1:8080"}, "setting listen_shop: 127.0.0.1:8080 is taken by the"),
        ({"listen_shop": "0.0.0.0:8080"}, "setting listen_shop: 0.0.0.0:8080 is taken by the"),
        ({"listen_shop": SHOP, "admin_port": 8081}, "setting admin_port: must differ"),
        (
            {"listen_shop": SHOP, "listen_operator": "[::]:8081"},
            r"setting listen_operator: \[::\]:8081 is taken by the listener of shop",
        ),
        ({"workers_shop": 2}, "setting workers_shop: only with listen_shop, which is not set"),
        (
            {
                "listen_shop": SHOP,
                "listen_operator": SHOP,
                "workers_shop": 1,
                "workers_operator": 2,
            },
            "setting workers_shop and workers_operator: these roles have one listener",
        ),
        ({"workers": 100, "listen_shop": SHOP, "workers_shop": 29}, "at most 128 worker processes"),
        ({"roles": []}, "setting roles: name at least one of room, sales_floor, shop, operator"),
        ({"roles": ["room", "shpo"]}, "setting roles: 'shpo' is no role; there are room, sales_f"),
        (
            {"roles": ["room"], "listen_shop": SHOP},
            "setting listen_shop: this node does not serve shop; see the setting roles",
        ),
        ({"roles": ["sales_floor"]}, "setting public_url: a node without the room needs it"),
        ({"listen_room": "unix:/r.sock"}, "setting public_url: needed where the room listens on"),
    ],
)
def test_settings_that_contradict_are_refused_with_what_to_change(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(None, {}, settings)


def test_public_url_makes_a_node_without_the_room_possible() -> None:
    assert set(groups(roles=["sales_floor"], **PUBLIC)) == {"main"}
    assert groups(listen_room="unix:/r.sock", **PUBLIC)["room"].address.path == "/r.sock"
