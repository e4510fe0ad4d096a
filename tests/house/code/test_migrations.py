"""Migrations come in two steps, so that two releases in a row work on one ledger.

An `expand` migration only adds what a release that does not know of it can leave alone. A
`contract` migration takes away, and says from which release on (`unused_since`) nobody uses what it
takes; that is a release of the changelog. Each is run with what it does written down.
"""

import re
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from support.source_tree import ROOT

FOLDER: Final = ROOT / "ledger" / "holdfast_ledger" / "database" / "migrations"
RELEASES: Final = re.compile(r"^## \[?(\d+\.\d+\.\d+)", re.MULTILINE)
FILLS: Final = re.compile(r"\s*(UPDATE|INSERT)\s", re.IGNORECASE)
DIALECTS: Final = ("sqlite", "postgresql", "mysql")
KEEPS: Final = re.compile(
    r"CREATE FUNCTION |"
    r"CREATE TRIGGER \w+ BEFORE (UPDATE|DELETE|UPDATE OR DELETE OR TRUNCATE) ON audit "
)
"""Refusing to change what no release changes: entries of the audit are appended."""


class Step(NamedTuple):
    """A call of Alembic's operations."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]


class Operations:
    """Stands in for `alembic.op` and writes down what is asked of it."""

    def __init__(self, dialect: str) -> None:
        self.steps: list[Step] = []
        self.dialect = SimpleNamespace(name=dialect)

    def get_context(self) -> "Operations":
        """The context of the migration, of which only the dialect is asked."""
        return self

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any, **options: Any) -> Any:
            self.steps.append(Step(name, args, options))
            return sa.table(args[0]) if name == "create_table" else None

        return note


def faults_of(migration: ModuleType, releases: set[str]) -> Iterator[str]:
    """What the migration does that its phase does not allow."""
    phase = getattr(migration, "phase", None)
    if phase == "contract":
        if getattr(migration, "unused_since", None) not in releases:
            yield "names no release of the changelog in `unused_since`"
    elif phase != "expand":
        yield "says no `phase`: expand or contract"
    else:
        for dialect in DIALECTS:
            operations = Operations(dialect)
            migration.__dict__["op"] = operations
            migration.upgrade()
            yield from _what_is_not_added(operations.steps)


def _what_is_not_added(steps: list[Step]) -> Iterator[str]:
    made = {step.args[0] for step in steps if step.name == "create_table"}
    for step in steps:
        if step.name in {"create_table", "bulk_insert"}:
            continue
        if step.name == "add_column":
            column = step.args[1]
            if not column.nullable and column.server_default is None:
                yield f"adds {column.name}, which earlier releases do not fill"
        elif step.name == "create_index":
            if step.options.get("unique") and step.args[1] not in made:
                yield f"adds {step.args[0]}, which may refuse what earlier releases write"
        elif step.name != "execute" or not (
            FILLS.match(str(step.args[0])) or KEEPS.match(str(step.args[0]))
        ):
            yield f"does {step.name}"


def migrations() -> list[ModuleType]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return [script.module for script in ScriptDirectory.from_config(config).walk_revisions()]


def test_migrations_do_what_their_phase_allows() -> None:
    releases = set(RELEASES.findall((ROOT / "CHANGELOG.md").read_text()))
    faults = {
        migration.__name__: found
        for migration in migrations()
        if (found := list(faults_of(migration, releases)))
    }
    assert faults == {}
    assert len(migrations()) >= 10


def planted(source: str) -> list[str]:
    module = ModuleType("planted")
    exec(f"import sqlalchemy as sa\n{source}", module.__dict__)  # noqa: S102 - our own text
    return list(faults_of(module, {"0.3.0"}))


def expanding(*lines: str) -> list[str]:
    return planted("phase = 'expand'\ndef upgrade():\n    " + "\n    ".join(lines))


def test_migration_against_the_rule_is_found() -> None:
    assert planted("") == ["says no `phase`: expand or contract"]
    assert planted("phase = 'contract'") == ["names no release of the changelog in `unused_since`"]
    assert planted("phase, unused_since = 'contract', '9.9.9'") != []
    assert planted("phase, unused_since = 'contract', '0.3.0'") == []
    assert set(expanding("op.drop_column('sales', 'name')")) == {"does drop_column"}
    assert expanding("op.alter_column('sales', 'name', new_column_name='x')") != []
    assert set(expanding("op.execute('DELETE FROM sales')")) == {"does execute"}
    on_sales = "CREATE TRIGGER t BEFORE UPDATE ON sales BEGIN SELECT 1; END"
    assert set(expanding(f"op.execute('{on_sales}')")) == {"does execute"}
    assert expanding("op.add_column('sales', sa.Column('x', sa.Integer, nullable=False))") != []
    assert expanding("op.create_index('ix', 'sales', ['name'], unique=True)") != []
    assert expanding("op.add_column('sales', sa.Column('x', sa.Integer))") == []
    assert (
        expanding(
            "op.create_table('t')",
            "op.create_index('ix', 't', ['name'], unique=True)",
            "op.execute('UPDATE sales SET x = 1')",
        )
        == []
    )
