"""Checks whether the store's version has the known security fixes.

By the release notes of Redis and Valkey as of `READ_ON`: listed is, per series, the first release
with the fixes that matter to a service which lets nobody but itself run scripts and still wants no
hole in the interpreter or on the Cluster's bus (CVE-2025-49844, CVE-2026-21863, CVE-2026-23631,
GHSA-fq2f-crmw-q97r and their companions). Holes that take a client who has logged in are left out.

The list ages, and distributions fix old versions without changing the number. So what it says names
its date and is no more than a warning, but for a version too old for our scripts. Of a series that
is not listed the finding says that nothing is known.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.doctor.findings import Finding, FindingBuilder
from holdfast_lua.client.connect import LEAST_VERSIONS

ShortVersion = tuple[int, int]

READ_ON: Final = "2026-11-22"
"""The day on which the release notes were last read; change it only after reading them."""

FIXED_IN: Final[Mapping[str, Mapping[ShortVersion, int]]] = {
    "redis": {(7, 2): 11, (7, 4): 9, (8, 0): 4, (8, 2): 6, (8, 4): 3, (8, 6): 3},
    "valkey": {(7, 2): 12, (8, 0): 7, (8, 1): 7, (9, 0): 4, (9, 1): 2},
}
# Ended before the fixes were made: only a distribution fixes it, without a new number.
ENDED: Final[Mapping[str, frozenset[ShortVersion]]] = {
    "redis": frozenset({(7, 0)}),
    "valkey": frozenset(),
}


def judge_version(area: FindingBuilder, server: str, version: tuple[int, ...]) -> Finding:
    """Whether the version is supported and has the known fixes."""
    shown = f"{server} {'.'.join(map(str, version))}"
    series = (version[0], version[1]) if len(version) > 1 else (0, 0)
    least = LEAST_VERSIONS[server]
    if series < least:
        wanted = ".".join(map(str, least))
        return area.problem(
            "version", shown, "scripts need a newer one", f"install {wanted} or newer"
        )
    if series in ENDED[server]:
        means = "its makers fix it no more; the number does not tell what a distribution has fixed"
        change = "Debian 12: have redis 5:7.0.15-1~deb12u10 or newer; else a newer series"
        return area.warning("version", shown, means, change)
    if series not in FIXED_IN[server]:
        means = f"a series of which nothing was known on {READ_ON}: look at its release notes"
        return area.ok("version", shown, means)
    patch = FIXED_IN[server][series]
    if version[2:3] < (patch,):
        means = "releases since then close known holes; a distribution may have closed them too"
        change = f"install {series[0]}.{series[1]}.{patch} or newer (as known on {READ_ON})"
        return area.warning("version", shown, means, change)
    return area.ok("version", shown, f"has the security fixes known on {READ_ON}")
