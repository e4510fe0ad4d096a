"""Taking changed settings over while the service runs.

They are read again from the file, the environment and the command line that the service was started
with. Settings that the parent has acted upon (sockets, directory, store, ledger) stay as they are
until a restart, and it is said when they have changed; settings that cannot be used change nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from holdfast.config import Config, ConfigError, LoadedConfig
from holdfast.processes.standard_streams import tell

UNTIL_RESTART: Final = ("host", "port", "admin_port", "data_dir", "store_url", "ledger_url")


class Reloading:
    """The settings of the start, and how to come to those of now."""

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
        """The settings for new workers, None when the old ones stay."""
        try:
            loaded = self._reread()
            config = self._resolve(self._with_what_stays(loaded.config))
        except (ConfigError, OSError) as error:
            tell(f"the settings stay as they were: {error}")
            return None
        for warning in loaded.warnings:
            tell(f"warning: {warning}")
        tell("taking the settings over: workers are replaced one after the other")
        return config

    def _with_what_stays(self, config: Config) -> Config:
        kept = {name: getattr(self._started, name) for name in UNTIL_RESTART}
        changed = [name for name, value in kept.items() if getattr(config, name) != value]
        if changed:
            tell(f"these settings change at a restart only: {', '.join(changed)}")
        return replace(config, **kept)
