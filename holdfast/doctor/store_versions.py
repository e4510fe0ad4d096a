"""Which builds of the store carry the known security fixes.

Only a warning: distributions mend old versions without changing the number, and the number is all
that a server tells. Listed is, per series, the first release with the fixes that matter to a
service which lets nobody but itself run scripts and still wants no hole in the interpreter or on
the Cluster's bus (CVE-2025-49844, CVE-2026-21863, CVE-2026-23631 and their companions). A series
that is not listed is newer than this table, or older than the versions that are served at all.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.doctor.findings import Area, Finding
from holdfast_lua.connect import LEAST_VERSIONS

Series = tuple[int, int]

MENDED: Final[Mapping[str, Mapping[Series, int]]] = {
    "redis": {(7, 2): 11, (7, 4): 9, (8, 0): 4, (8, 2): 6, (8, 4): 3, (8, 6): 3},
    "valkey": {(7, 2): 12, (8, 0): 7, (8, 1): 7, (9, 0): 4, (9, 1): 2},
}
# Ended before the fixes were made: only a distribution mends it, without a new number.
ENDED: Final[Mapping[str, frozenset[Series]]] = {
    "redis": frozenset({(7, 0)}),
    "valkey": frozenset(),
}


def judge_version(area: Area, server: str, version: tuple[int, ...]) -> Finding:
    """A server by its version number."""
    shown = f"{server} {'.'.join(map(str, version))}"
    series = (version[0], version[1]) if len(version) > 1 else (0, 0)
    least = LEAST_VERSIONS[server]
    if series < least:
        wanted = ".".join(map(str, least))
        return area.problem(
            "version", shown, "scripts need a newer one", f"install {wanted} or newer"
        )
    if series in ENDED[server]:
        means = "its makers mend it no more; the number does not tell what a distribution mended"
        change = "Debian 12: have redis 5:7.0.15-1~deb12u10 or newer; else a newer series"
        return area.warning("version", shown, means, change)
    patch = MENDED[server].get(series, 0)
    if version[2:3] < (patch,):
        means = "releases since then close known holes; a distribution may have closed them too"
        change = f"install {series[0]}.{series[1]}.{patch} or newer"
        return area.warning("version", shown, means, change)
    return area.ok("version", shown)
