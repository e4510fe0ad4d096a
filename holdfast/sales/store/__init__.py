"""Sales in the store: installed, compared with the ledger, rebuilt after a loss."""
