import re

import pytest

from holdfast_lua import StoreSetupError
from holdfast_lua.client.link import Address
from holdfast_lua.client.store_url import FORMS, OPTIONS, StoreUrl

KINDS_IN_ORDER = ("standalone", "standalone", "sentinel", "cluster", None)


def test_plain_url() -> None:
    url = StoreUrl.parse("redis://me:p%40ss@store.example:7000/3?timeout=1.5")
    assert (url.kind, url.addresses) == ("standalone", (Address("store.example", 7000),))
    settings = url.link_settings()
    assert (settings.username, settings.password, settings.database) == ("me", "p@ss", 3)
    assert (settings.tls, settings.reply_timeout_seconds) == (None, 1.5)
    assert not settings.require_master


def test_defaults() -> None:
    assert StoreUrl.parse("valkey://").addresses == (Address("127.0.0.1", 6379),)
    assert StoreUrl.parse("redis+sentinel://one,two/m").addresses[1] == Address("two", 26379)


def test_tls_verifies_the_peer() -> None:
    context = StoreUrl.parse("rediss://store.example").link_settings().tls
    assert context is not None
    assert context.check_hostname


def test_unix_url() -> None:
    url = StoreUrl.parse("unix:///run/a%20b.sock?db=2")
    assert (url.addresses, url.database) == ((Address(path="/run/a b.sock"),), 2)


def test_sentinel_url_demands_a_master() -> None:
    url = StoreUrl.parse("redis+sentinel://:pw@a:1,b:2/mymaster?db=1&sentinel_password=other")
    assert (url.kind, url.master, url.database) == ("sentinel", "mymaster", 1)
    assert url.addresses == (Address("a", 1), Address("b", 2))
    assert url.link_settings().require_master
    assert url.sentinel_settings().password == "other"


def test_cluster_url() -> None:
    url = StoreUrl.parse("rediss+cluster://a:1,[::1]:2")
    assert (url.kind, url.tls) == ("cluster", True)
    assert url.addresses == (Address("a", 1), Address("::1", 2))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("http://x", "must start with"),
        ("redis+magic://x", "must start with"),
        ("redis://a,b", "several hosts"),
        ("redis://a:port", "not a number"),
        ("redis://a/name", "must be a number"),
        ("redis+sentinel://a", "master's name"),
        ("redis://a?timeout=soon", "number of seconds"),
        ("redis://a?timeout=0", "number of seconds"),
    ],
)
def test_bad_url_is_refused_without_being_quoted(text: str, match: str) -> None:
    with pytest.raises(StoreSetupError, match=match) as caught:
        StoreUrl.parse(text.replace("://", "://me:s3cret@"))
    assert "s3cret" not in str(caught.value)


def test_password_is_in_no_representation() -> None:
    url = StoreUrl.parse("redis+sentinel://me:s3cret@a/m?sentinel_password=s3cret")
    assert "s3cret" not in f"{url} {url!r} {url.link_settings()!r} {url.sentinel_settings()!r}"


@pytest.mark.parametrize(
    ("form", "kind"), list(zip([form for form, _ in FORMS], KINDS_IN_ORDER, strict=True))
)
def test_every_documented_form_is_read(form: str, kind: str | None) -> None:
    """With and without what is optional, and with the options."""
    if kind is None:
        assert form == "rediss:// or rediss+..."
        return
    least, most = re.sub(r"\[.*?\]", "", form), form.replace("[", "").replace("]", "")
    most = most.replace("port", "7000").replace("database", "3")
    options = "&".join(option for option, _ in OPTIONS).replace("SECONDS", "2")
    most += ("&" if "?" in most else "?") + options.replace("NUMBER", "3")
    for text in (least, most, most.replace("redis", "rediss")):
        assert StoreUrl.parse(text).kind == kind
    read = StoreUrl.parse(most)
    assert (read.reply_timeout_seconds, read.ca, read.database) == (2.0, "FILE", 3)
    assert (read.username, read.password) == ("user", "password")
