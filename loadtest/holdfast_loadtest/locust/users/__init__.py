"""The kinds of people of a scenario as user classes of Locust."""
