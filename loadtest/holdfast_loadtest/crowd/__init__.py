"""The crowd: visitors with temperaments who wait, choose, pay, leave or never come."""
