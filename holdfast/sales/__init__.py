"""Sales: their creation, change and end, and what a process keeps of each."""
