"""Changes of orders: intents, the rules that decide them, and the transactions that write them."""
