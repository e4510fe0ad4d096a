"""Sales: what an operator creates, changes and ends; the rooms and halls a process has of them."""
