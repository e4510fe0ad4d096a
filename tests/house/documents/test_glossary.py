"""docs/glossary.md: one word for one thing.

A noun is the last word of a public class, of a name for another type, or of a module. It has a row
of its own, or it is a word that every programmer knows (`GENERAL`). A noun with several meanings
has none of its own: each meaning has a row of more words (`store node`, `service node`), and a name
is made with all of these, or stands in the file of the row. A term whose noun has a row of its own
is a kind of that, and its meaning says so. Exceptions are named for what went wrong and need no
row.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from support.source_tree import PROGRAMS, ROOT, SERVICE, Module, plant, read_modules

PAGE: Final = ROOT / "docs" / "glossary.md"
MIN_TERMS: Final = 100
MIGRATIONS: Final = "ledger/holdfast_ledger/database/migrations/"
_ROW: Final = re.compile(
    r"\| (?P<term>[^|]+) \| (?P<meaning>[^|]+) \| \[[^]]+\]\((?P<where>[^)]+)\) "
    r"\|(?P<not>[^|]*)\|\Z"
)
LUA: Final = "lua/holdfast_lua"
CONNECTOR: Final = "connector/holdfast_connector"
ONE_THING: Final = {
    "WaitingRoom": {f"{CONNECTOR}/asgi.py", f"{CONNECTOR}/wsgi.py"},
    "Handoff": {"queue/holdfast_queue/tokens/handoffs.py", f"{CONNECTOR}/tokens/verifier.py"},
}
"""Published names of the connector: a storefront imports the room for its framework; a verified
hand-off is that of the service, which the connector cannot import.
"""
_LUA_NAMES: Final = re.compile(r"^\s*local (?:function )?(?P<names>[\w, ()]+)", re.MULTILINE)
_TYPE: Final = re.compile(r"(?:[A-Z]+[a-z0-9]+)+")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
# Words of programming, of HTTP and of the libraries in use; an adjective or a verb names a result.
GENERAL: Final = frozenset(
    {
        "acting", "address", "admit", "admitted", "advanced", "after", "aiohttp", "answer", "api",
        "app", "apply", "asgi", "asked", "asset", "available", "back", "background", "base64url",
        "batcher", "body", "bound", "builder", "bulk", "byte", "cache", "changed", "choosing",
        "cleaned", "client", "codec", "collector", "colour", "comparing", "comparison", "compiler",
        "compose", "config", "confirmation", "confirmed", "connect", "connection", "cookie",
        "coordinate", "cors", "count", "counter", "database", "decide", "decision", "definition",
        "detector", "digest", "directory", "disk", "doc", "document", "endpoint", "engine", "entry",
        "error", "expression", "fetching", "field", "file", "format", "generator", "given",
        "grafana", "group", "health", "held", "histogram", "home", "hook", "host", "html", "http",
        "id", "idempotency", "index", "info", "installer", "interval", "item", "joined", "jwt",
        "key", "keyfile", "kind", "later", "launcher", "length", "level", "library", "list",
        "listening", "loader", "location", "locustfile", "lookup", "mapping", "measure", "measured",
        "message", "method", "metric", "migrating", "millisecond", "mode", "moment", "multiprocess",
        "name", "negotiation", "network", "observed", "observer", "observing", "offset", "option",
        "owner", "packed", "page", "pagination", "part", "path", "percentile", "periodic", "pipe",
        "port", "positive", "preparation", "preparer", "preparing", "pretix", "process", "progress",
        "prometheus", "proxy", "published", "put", "query", "raiser", "ratio", "reader",
        "readiness", "ready", "reconcile", "ref", "reference", "registry", "render", "request",
        "required", "resolved", "resolver", "response", "result", "returned", "returning",
        "rewinding", "route", "routing", "row", "rule", "runner", "running", "scheduling", "schema",
        "scope", "scraping", "second", "sell", "serve", "service", "serving", "set", "shade",
        "shape", "signal", "site", "size", "slo", "socket", "speculation", "state", "step",
        "stream", "supervised", "synced", "template", "terminal", "text", "thread", "time",
        "timestamp", "trouble", "unavailable", "url", "value", "version", "view", "warning",
        "watching", "weight", "word", "writer", "wsgi",
    }
)  # fmt: skip


class Row(NamedTuple):
    """One row of the glossary."""

    term: str
    meaning: str
    where: str
    unused: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file, below the root."""
        return self.where.removeprefix("../")


class Named(NamedTuple):
    """Something that has a name: a class, a name for another type, or a module with its folder."""

    words: tuple[str, ...]
    path: str
    place: str


def rows_of(page: str) -> list[Row]:
    """The rows of all tables."""
    found = [match for line in page.splitlines() if (match := _ROW.match(line))]
    return [
        Row(
            match["term"],
            match["meaning"],
            match["where"],
            tuple(word.strip() for word in match["not"].split(",") if word.strip()),
        )
        for match in found
        if match["term"] != "Term"
    ]


def names(root: Path) -> Iterator[Named]:
    """Each public class, type and module."""
    for module in read_modules(root, (*SERVICE, *PROGRAMS)).values():
        if module.path.startswith(MIGRATIONS):
            continue
        if not module.path.endswith(("__init__.py", "__main__.py")):
            folder, stem = Path(module.path).parts[-2:]
            yield Named(_words(f"{folder} {stem.removesuffix('.py')}"), module.path, module.path)
        for name in _types(module):
            yield Named(_words(name), module.path, f"{module.path}: {name}")


def _words(name: str) -> tuple[str, ...]:
    """The words of a name or a term, in the singular; `hand-off` is one word."""
    return tuple(singular(word.lower()) for word in _WORD.findall(name.replace("-", "")))


def _types(module: Module) -> Iterator[str]:
    """The public classes of a module, and its names for other types; those of calls are verbs."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not _is_private_or_exception(node):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            name = ast.unparse(node.targets[0])
            if _TYPE.fullmatch(name) and not ast.unparse(node.value).startswith("Callable["):
                yield name


def _is_private_or_exception(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    raised = any(
        re.search(r"(?:Exception|Error|Exit|Unavailable|Refused)$", base) for base in bases
    )
    return node.name.startswith("_") or raised


def singular(word: str) -> str:
    """`passes` is pass, `identities` identity, `status` and `address` stay."""
    if word.endswith(("ss", "us", "cors", "as")):
        return word
    if word.endswith("ies") and word != "cookies":
        return word.removesuffix("ies") + "y"
    if word.endswith(("sses", "xies", "ches", "xes")):
        return word.removesuffix("es")
    return "index" if word == "indices" else word.removesuffix("s")


def unexplained(root: Path, rows: Sequence[Row]) -> list[str]:
    """Where a name stands whose noun neither the glossary nor every programmer knows."""
    terms = [(_words(spelt), row.path) for row in rows for spelt in _spellings(row.term)]
    known = {words[0] for words, _ in terms if len(words) == 1} | GENERAL
    return [
        named.place
        for named in names(root)
        if named.words[-1] not in known
        and not any(_is_of(words, path, named) for words, path in terms)
    ]


def _spellings(term: str) -> set[str]:
    """`hand-off` is written as one word in some names and as two in others."""
    return {term, term.replace("-", " ")}


def _is_of(term: tuple[str, ...], path: str, named: Named) -> bool:
    """Whether a name is made with a whole term, or with its noun in the file of its row."""
    short = term[-1] == named.words[-1] and path == named.path
    return short or named.words[-len(term) :] == term


def other_kinds(rows: Sequence[Row]) -> list[str]:
    """The terms whose noun has a row of its own that they are no kind of, by their meaning."""
    alone = {words[0] for row in rows if len(words := _words(row.term)) == 1}
    return [
        row.term
        for row in rows
        if len(words := _words(row.term)) > 1
        and words[-1] in alone
        and words[-1] not in map(singular, _WORD.findall(row.meaning.lower()))
    ]


def misplaced(root: Path, rows: Sequence[Row]) -> list[str]:
    """The terms of which the file of the row does not have every word, in its text or its path."""
    found = []
    for row in rows:
        text = f"{row.path} {(root / row.path).read_text(encoding='utf-8')}"
        has = {singular(word.lower()) for word in _WORD.findall(text)}
        if not {singular(word) for word in _WORD.findall(row.term.lower())} <= has:
            found.append(f"{row.term}: {row.path}")
    return found


def shared_names(root: Path) -> list[str]:
    """The class names that stand for several things, in the service or within one program.

    A program knows the service from outside, and may call what the API shows as the API does.
    """
    found = []
    for folders in (SERVICE, *((program,) for program in PROGRAMS)):
        places: dict[str, list[str]] = {}
        for module in read_modules(root, folders).values():
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(module.path)
        found += [
            f"{name}: {', '.join(paths)}"
            for name, paths in places.items()
            if len(paths) > 1 and set(paths) != ONE_THING.get(name)
        ]
    return found


def unused_words(root: Path, rows: Sequence[Row]) -> list[str]:
    """Identifiers of the service that are made with a word which the glossary says is not used.

    Load test and demo are about people and faults, and use some of these words for what they mean.
    """
    unused = {
        (*before, word)
        for row in rows
        for phrase in row.unused
        for *before, last in [phrase.split()]
        for word in (last, *_plurals(last))
    }
    names = {module.path: set(_identifiers(module)) for module in read_modules(root).values()}
    for path in sorted((root / LUA).rglob("*.lua")):
        names[str(path.relative_to(root))] = {path.stem, *_lua_identifiers(path.read_text())}
    return [
        f"{place}: {name}"
        for place, made in names.items()
        for name in sorted(made)
        if not unused.isdisjoint(_phrases(name, max(map(len, unused))))
    ]


def _phrases(name: str, longest: int) -> Iterator[tuple[str, ...]]:
    """The words of a name, and each few of them that stand together."""
    words = tuple(word.lower() for word in _WORD.findall(name))
    for size in range(1, longest + 1):
        yield from (words[at : at + size] for at in range(len(words) - size + 1))


def _plurals(word: str) -> tuple[str, ...]:
    """What may be the plural of a noun."""
    return f"{word}s", f"{word}es", word.removesuffix("y") + "ies"


def _lua_identifiers(script: str) -> Iterator[str]:
    """The names of local variables, functions and parameters."""
    for match in _LUA_NAMES.finditer(script):
        yield from re.findall(r"\w+", match["names"])


def _identifiers(module: Module) -> Iterator[str]:
    yield module.name.rpartition(".")[2]
    for node in module.nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return rows_of(PAGE.read_text(encoding="utf-8"))


def test_every_row_is_read(rows: list[Row]) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(rows) == len(tables) - 2 * sum(line.startswith("| Term") for line in lines)
    assert len(rows) >= MIN_TERMS


def test_every_noun_is_explained(rows: list[Row]) -> None:
    assert unexplained(ROOT, rows) == []


def test_no_term_is_explained_twice(rows: list[Row]) -> None:
    terms = Counter(_words(row.term) for row in rows)
    assert [term for term, times in terms.items() if times > 1] == []


def test_a_term_of_more_words_is_a_kind_of_its_noun(rows: list[Row]) -> None:
    assert other_kinds(rows) == []


def test_term_is_in_the_file_of_its_row(rows: list[Row]) -> None:
    assert misplaced(ROOT, rows) == []


def test_no_class_name_stands_for_two_things() -> None:
    assert shared_names(ROOT) == []


def test_class_name_for_two_things_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "queue/holdfast_queue/a.py", "class Position: ...\nclass _Waiting: ...")
    plant(tmp_path, "ledger/holdfast_ledger/b.py", "class Position: ...\nclass _Waiting: ...")
    plant(tmp_path, "connector/holdfast_connector/c.py", "class Visit: ...\nclass WaitingRoom: ...")
    plant(tmp_path, "simulator/holdfast_simulator/d.py", "class Visit: ...")
    plant(tmp_path, "connector/holdfast_connector/asgi.py", "class WaitingRoom: ...")
    plant(tmp_path, "demo/holdfast_demo/e.py", "class Position: ...\nclass Outcome: ...")
    plant(tmp_path, "demo/holdfast_demo/f.py", "class Outcome: ...")
    assert shared_names(tmp_path) == [
        "Position: queue/holdfast_queue/a.py, ledger/holdfast_ledger/b.py",
        "WaitingRoom: connector/holdfast_connector/asgi.py, connector/holdfast_connector/c.py",
        "Visit: connector/holdfast_connector/c.py, simulator/holdfast_simulator/d.py",
        "Outcome: demo/holdfast_demo/e.py, demo/holdfast_demo/f.py",
    ]


def test_words_that_are_not_used_are_not_used(rows: list[Row]) -> None:
    assert unused_words(ROOT, rows) == []


def test_no_word_is_both_used_and_not(rows: list[Row]) -> None:
    assert {row.term for row in rows} & {word for row in rows for word in row.unused} == set()


def test_general_words_explain_nothing_of_the_domain(rows: list[Row]) -> None:
    assert GENERAL & {row.term for row in rows} == set()


def test_noun_without_a_row_is_found(tmp_path: Path) -> None:
    page = "| pass office | Gives. | [a](b) | box |\n| ticket | A place. | [a](b) | |\n"
    plant(tmp_path, "queue/holdfast_queue/tickets.py", "class PassOffice: ...\nclass _Hall: ...")
    plant(tmp_path, "queue/holdfast_queue/foyer.py", "class Till: ...\nclass Torn(Exception): ...")
    plant(tmp_path, "loadtest/holdfast_loadtest/pass_office.py", "class Theatre: ...")
    types = "Deed = str | None\nParts = list[Ticket]\nGo = Callable[[int], int]\nMAX = 2 * 3"
    plant(tmp_path, "monitoring/holdfast_monitoring/tickets.py", types)
    assert unexplained(tmp_path, rows_of(page)) == [
        "queue/holdfast_queue/foyer.py",
        "queue/holdfast_queue/foyer.py: Till",
        "loadtest/holdfast_loadtest/pass_office.py: Theatre",
        "monitoring/holdfast_monitoring/tickets.py: Deed",
    ]


def test_name_without_all_words_of_a_meaning_is_found(tmp_path: Path) -> None:
    page = (
        "| store node | A server. | [a](../lua/holdfast_lua/client/node.py) | |\n"
        "| service node | A machine. | [a](../holdfast/config.py) | |\n"
        "| sign-in | A beginning. | [a](../holdfast/config.py) | |\n"
    )
    plant(tmp_path, "lua/holdfast_lua/client/node.py", "class Node: ...")
    plant(tmp_path, "holdfast/service/node.py", "class Node: ...\nclass StoreNodes: ...")
    plant(tmp_path, "holdfast/nodes.py", "class LoadServiceNode: ...\nclass PendingSignIn: ...")
    assert unexplained(tmp_path, rows_of(page)) == [
        "holdfast/nodes.py",
        "holdfast/service/node.py: Node",
    ]


def test_term_that_is_no_kind_of_its_noun_is_found() -> None:
    page = (
        "| pass | A token. | [a](b) | |\n| used pass | One of the passes. | [a](b) | |\n"
        "| order pass | A reading. | [a](b) | |\n| call-back | A call. | [a](b) | |\n"
    )
    assert other_kinds(rows_of(page)) == ["order pass"]


def test_term_that_is_not_in_the_file_of_its_row_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "holdfast/events.py", "def event_data() -> None: ...")
    page = (
        "| event data | It. | [a](../holdfast/events.py) | |\n"
        "| event hold | It. | [a](../holdfast/events.py) | |\n"
    )
    assert misplaced(tmp_path, rows_of(page)) == ["event hold: holdfast/events.py"]


def test_word_that_is_not_used_is_found(tmp_path: Path) -> None:
    page = "| context | Both. | [a](b) | box office, till |\n"
    plant(
        tmp_path,
        "holdfast/a.py",
        "class BoxOffices: ...\nclass BoxOffice: ...\nbox = box_offices = 1",
    )
    plant(tmp_path, "holdfast/b.py", "def f(till: int) -> None:\n    until = self.my_till = till")
    plant(tmp_path, "lua/holdfast_lua/c.lua", "local function open_till(box, office)\nend -- till")
    assert unused_words(tmp_path, rows_of(page)) == [
        "holdfast/a.py: BoxOffice",
        "holdfast/a.py: BoxOffices",
        "holdfast/a.py: box_offices",
        "holdfast/b.py: my_till",
        "holdfast/b.py: till",
        "lua/holdfast_lua/c.lua: open_till",
    ]
