"""`log_level` is for all that the service logs: no package is left at the level of libraries."""

from support.source_tree import SERVICE

from holdfast.processes.serving import OUR_LOGGERS


def test_every_package_logs_at_the_level_that_is_set() -> None:
    assert sorted(OUR_LOGGERS) == sorted(folder.rpartition("/")[2] for folder in SERVICE)
