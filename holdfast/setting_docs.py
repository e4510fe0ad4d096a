"""Describes every setting for people: `holdfast settings` and docs/configuration.md."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from holdfast.config import Config, variable_of
from holdfast.secret_files import FILE_SUFFIX


@dataclass(frozen=True)
class SettingDoc:
    """One setting as `holdfast settings` and the documentation show it."""

    name: str
    variable: str
    default: str
    doc: str
    secret: bool

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable, and for a secret the one that names a file which holds it."""
        return (self.variable, self.variable + FILE_SUFFIX) if self.secret else (self.variable,)


def describe_settings() -> Iterator[SettingDoc]:
    """Every setting, in the order of the table."""
    for item in fields(Config):
        yield SettingDoc(
            name=item.name,
            variable=variable_of(item.name),
            default=_shown(item.default),
            doc=item.metadata["doc"],
            secret=item.metadata["secret"],
        )


def shown_value(config: Config, name: str) -> str:
    """A setting's value for people: secrets only as set or not set."""
    item = next(item for item in fields(Config) if item.name == name)
    value = getattr(config, name)
    if item.metadata["secret"]:
        return "(set)" if value else "(not set)"
    return _shown(value)


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, tuple):
        return ", ".join(value) or "(none)"
    return str(value)
