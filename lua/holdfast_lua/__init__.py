"""The store layer: scripts, their loader, the executor that runs them, and the embedded store."""

from holdfast_lua.bundle.loader import Bundle, load_bundle
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef, guarded
from holdfast_lua.client.executor import Executor
from holdfast_lua.embedded.store import EmbeddedStore
from holdfast_lua.errors import (
    BundleError,
    EpochChanged,
    ScriptFault,
    StoreBehind,
    StoreBusy,
    StoreError,
    StoreOutcomeUnknown,
    StoreSetupError,
    StoreUnavailable,
)

__all__ = [
    "Bundle",
    "BundleError",
    "Code",
    "EmbeddedStore",
    "EpochChanged",
    "Executor",
    "SaleRef",
    "ScriptFault",
    "StoreBehind",
    "StoreBusy",
    "StoreError",
    "StoreOutcomeUnknown",
    "StoreSetupError",
    "StoreUnavailable",
    "guarded",
    "load_bundle",
]
