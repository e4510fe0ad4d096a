"""Reads the settings again while the service runs, for new workers.

They come from the same file, environment and command line as at the start. Settings that the parent
has acted upon stay until a restart, and a message names those that have changed; when the settings
are invalid nothing changes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from holdfast.config import Config, ConfigError, LoadedConfig
from holdfast.processes.standard_streams import write_line
from holdfast_web.roles.service_roles import ALL_ROLES

UNTIL_RESTART: Final = (
    "host",
    "port",
    "roles",
    *(f"listen_{role}" for role in ALL_ROLES),
    "admin_port",
    "data_dir",
    "store_url",
    "ledger_url",
)


class SettingsReloader:
    """The settings of the start, and the way to read them again."""

    def __init__(
        self,
        started: Config,
        reread: Callable[[], LoadedConfig],
        resolve: Callable[[Config], Config],
    ) -> None:
        self._started = started
        self._reread = reread
        self._resolve = resolve

    def reread(self) -> Config | None:
        """The settings for new workers; None when they are invalid and the old ones stay."""
        try:
            loaded = self._reread()
            config = self._resolve(self._with_what_stays(loaded.config))
        except (ConfigError, OSError) as error:
            write_line(f"the settings were not reloaded: {error}")
            return None
        for warning in loaded.warnings:
            write_line(f"warning: {warning}")
        write_line("settings reloaded: workers are replaced one after the other")
        return config

    def _with_what_stays(self, config: Config) -> Config:
        kept = {name: getattr(self._started, name) for name in UNTIL_RESTART}
        changed = [name for name, value in kept.items() if getattr(config, name) != value]
        if changed:
            write_line(f"changed settings that need a restart: {', '.join(changed)}")
        return replace(config, **kept)
