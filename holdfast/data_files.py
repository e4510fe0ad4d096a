"""The files of a data directory that several parts of the service look for."""

from pathlib import Path
from typing import Final

LOCK_FILE: Final = "service.lock"
LEDGER_FILE: Final = "ledger.sqlite3"


def ledger_url_in(data_dir: Path) -> str:
    """The SQLite ledger of a data directory."""
    return f"sqlite:///{(data_dir / LEDGER_FILE).absolute()}"
