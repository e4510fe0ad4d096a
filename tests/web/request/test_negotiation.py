import pytest

from holdfast_web.request.negotiation import takes, takes_coding


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("application/msgpack", True),
        ("Application/MsgPack ; q=0.5", True),
        ("text/html, application/msgpack;version=1;q=0.1", True),
        ("application/msgpack;q=0", False),
        ("application/msgpack;q=0.000", False),
        ("application/msgpack; Q=0", False),
        ("application/msgpack;q=x", False),
        ("application/msgpack;q=-1", False),
        ("application/msgpack;q=nan", False),
        ("*/*", False),
        ("application/msgpack-seq", False),
        ("", False),
        (",;,=", False),
        ("text/html," * 100 + "application/msgpack", False),
    ],
)
def test_a_form_is_taken_by_who_names_it(header: str, taken: bool) -> None:
    assert takes(header, "application/msgpack") is taken


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("application/json, application/msgpack", True),
        ("application/json;q=0.5, application/msgpack;q=0.9", True),
        ("application/json, application/msgpack;q=0.9", False),
        ("application/json;q=0, application/msgpack;q=0.1", True),
    ],
)
def test_a_form_gives_way_to_one_that_is_liked_better(header: str, taken: bool) -> None:
    assert takes(header, "application/msgpack", rather_than="application/json") is taken


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.1", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity, *;q=0", False),
        ("br", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_a_coding_is_taken_by_name_or_by_star(header: str, taken: bool) -> None:
    assert takes_coding(header, "gzip") is taken
