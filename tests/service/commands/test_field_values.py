"""`FIELD=VALUE` on the command line: each field as its type has it."""

import click
import pytest

from holdfast.cli.remote.output import cell, printable
from holdfast.cli.sale.field_values import read_fields, read_time, suggestion


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("name=2027", "2027"),
        ("name=a=b", "a=b"),
        ("message=", None),
        ("message=null", None),
        ("burst=50", 50),
        ("stock_factor=1.5", 1.5),
        ("queue_all=yes", True),
        ("suspended=false", False),
        ("address_joins_per_minute=null", None),
        ("queueing_method=random", "random"),
        ('return_origins=["https://a.example"]', ["https://a.example"]),
        ('brand={"name": "B"}', {"name": "B"}),
        ("event_start_time=2027-03-01T20:00:00+01:00", "2027-03-01T20:00:00+01:00"),
        ("event_end_time=", None),
        ("of_a_later_version=7", 7),
        ("of_a_later_version=text", "text"),
    ],
)
def test_value_is_read_by_the_type_of_its_field(pair: str, value: object) -> None:
    assert read_fields([pair]) == {pair.partition("=")[0]: value}


@pytest.mark.parametrize(
    "pairs", [["burst"], ["=5"], ["burst=fast"], ["queue_all=maybe"], ["event_end_time=soon"]]
)
def test_what_is_no_value_of_a_field_is_refused(pairs: list[str]) -> None:
    with pytest.raises(click.UsageError):
        read_fields(pairs)


def test_field_is_given_once() -> None:
    with pytest.raises(click.UsageError, match="twice"):
        read_fields(["burst=1", "burst=2"])


def test_time_without_a_zone_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read_time("event_start_time", "2027-03-01 20:00") == "2027-03-01T20:00:00+09:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_misspelt_field_is_suggested() -> None:
    assert suggestion("new_users_per_min") == "Is new_users_per_minute meant?"
    assert suggestion("xyz") == ""


def test_text_of_others_moves_no_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\N{NO-BREAK SPACE}d") == "a?[2Jb?c\N{NO-BREAK SPACE}d"
    assert cell("\x9b31m") == "?31m"
