"""The error of a start that cannot go on."""


class LaunchError(Exception):
    """The service cannot start; the message says what to change."""
