"""Orders: paying, confirm, refund, and their recovery after a crash."""
