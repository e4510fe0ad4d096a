"""The store layer: scripts, their loader, the executor that runs them, and the embedded store."""

from holdfast_lua.codes import Code
from holdfast_lua.embedded import EmbeddedStore
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
from holdfast_lua.executor import Executor, Observer
from holdfast_lua.guard import Reply, SaleRef, guarded
from holdfast_lua.loader import Bundle, load_bundle, production_bundle
from holdfast_lua.wire import Argument

__all__ = [
    "Argument",
    "Bundle",
    "BundleError",
    "Code",
    "EmbeddedStore",
    "EpochChanged",
    "Executor",
    "Observer",
    "Reply",
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
    "production_bundle",
]
