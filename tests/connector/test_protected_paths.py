"""Protected paths: found under every spelling that some server would take for them."""

import re

import pytest

from holdfast_connector.paths import Paths, normalised

PATHS = Paths(["/checkout", re.compile(r"^/hall/\d+/seats$")], ["/checkout/hook", "/static/"])


@pytest.mark.parametrize(
    "path",
    ["/checkout", "/checkout/", "/checkout/pay", "//checkout", "/./checkout", "/x/../checkout",
     "/CHECKOUT", "/checkout;jsessionid=1", "/checkout;a/pay", "\\checkout", "/%63heckout",
     "/static/../checkout", "/checkout/hook/../pay", "/checkout/../checkout", "/checkout//pay",
     "/checkout/hook/%2e%2e/pay", "/hall/7/seats", "/checkout/hooks"],
)  # fmt: skip
def test_protected_path_is_guarded_however_it_is_spelled(path: str) -> None:
    assert PATHS.protects(path)


@pytest.mark.parametrize(
    "path", ["/", "/checkouts", "/about", "/checkout/hook", "/checkout/hook/1", "/static/app.js",
             "/hall/x/seats", "/my/checkout"]
)  # fmt: skip
def test_other_paths_are_free(path: str) -> None:
    assert not PATHS.protects(path)


def test_root_protects_everything_but_the_exceptions() -> None:
    paths = Paths(["/"], ["/static"])
    assert all(paths.protects(path) for path in ("/", "/x", "//", "", "*", "/static/../x"))
    assert not paths.protects("/static/app.css")


def test_normalised_path_never_climbs_above_the_root() -> None:
    assert normalised("/../../a/./b//c/") == "/a/b/c"
