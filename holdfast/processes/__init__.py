"""The processes of the service: the parent, its workers, what they listen to and how they stop."""
