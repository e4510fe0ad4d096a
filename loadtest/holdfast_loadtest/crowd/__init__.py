"""The crowd: visitors who wait, choose, pay, leave or never come, each by a profile of its own."""
