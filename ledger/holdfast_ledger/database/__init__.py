"""The database under the ledger: engines, connections, schema and its migrations."""
