"""The documents agree with the code, with themselves, and name nothing that is only ours."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Final

import jwt
import pytest
from msgspec.structs import replace
from support.token_issuers import ADMITTED, NOW_MS, pass_issuer

from holdfast.sales.spec import LIVE_FIELDS, SaleSpec
from holdfast.setting_docs import describe_settings
from holdfast_metrics.manifest import MANIFEST
from holdfast_web.errors import ErrorCode

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs"
_LINK: Final = re.compile(r"\]\((?!https?://|mailto:)([^)\s#]*)(#[^)\s]+)?\)")
# Packages, and the query parameter of the hand-off.
NOT_METRICS: Final = {
    f"holdfast_{name}"
    for name in [
        "queue",
        "inventory",
        "web",
        "connector",
        "console",
        "lua",
        "metrics",
        "monitoring",
        "tasks",
        "demo",
        "ledger",
        "loadtest",
        "simulator",
        "token",
    ]
}
_CODE_CELL: Final = re.compile(r"^\| (?:\d+ \| )?`([^`]+)`", re.MULTILINE)


def _tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _names(text: str) -> list[str]:
    """What the first cells of a table name."""
    return _CODE_CELL.findall(text)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """scripts/generate_docs.py, which is no package."""
    path = ROOT / "scripts" / "generate_docs.py"
    spec = importlib.util.spec_from_file_location("generate_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(generator: ModuleType) -> None:
    parts = []
    for path in DOCS.rglob("*.md"):
        page = path.read_text(encoding="utf-8")
        parts += generator.parts_of(page)
    assert [path.name for path, _ in generator.stale()] == [], "run `make fmt`"
    assert sorted(parts) == sorted(generator.PARTS)


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = _names(_page("configuration.md"))
    assert documented == [setting.name for setting in describe_settings()]


def test_example_configuration_uses_known_settings() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", _page("configuration.md"), re.DOTALL)
    known = {setting.name for setting in describe_settings()}
    assert set(tomllib.loads(example)) <= known


def test_every_variable_that_documents_name_exists() -> None:
    """A setting, or a variable that some program of ours reads."""
    known = {name for setting in describe_settings() for name in setting.variables}
    known |= {"HOLDFAST_URL"}
    for path in _tracked("*.py"):
        known |= set(re.findall(r"\"(HOLDFAST_[A-Z_]+)\"", path.read_text(encoding="utf-8")))
    for path in _tracked("*.md"):
        for variable in re.findall(r"\bHOLDFAST_[A-Z_]+\b", path.read_text(encoding="utf-8")):
            assert variable in known, f"{path.name}: {variable}"


def test_every_metric_is_documented_and_nothing_else() -> None:
    page = _page("metrics.md")
    names = [definition.name for definition in MANIFEST]
    assert _names(page.partition("How to read them")[0]) == names
    for path in _tracked("*.md"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\bholdfast_[a-z_]+\b", text):
            if name in NOT_METRICS:
                continue
            base = re.sub(r"_(bucket|count|sum)$", "", name)
            assert base in names, f"{path.name}: {name}"


def test_every_error_code_is_documented_and_nothing_else() -> None:
    documented = _names(_section(_page("api.md"), "Errors"))
    assert documented == [code.value for code in ErrorCode]


def test_every_error_code_is_raised_somewhere() -> None:
    code = "".join(path.read_text() for path in _tracked("*.py") if "tests" not in path.parts)
    unused = [name for name in ErrorCode.__members__ if f"ErrorCode.{name}" not in code]
    assert unused == []


def test_every_event_type_is_documented_and_nothing_else() -> None:
    documented = _names(_section(_page("events.md"), "Types"))
    scripts = "".join(path.read_text() for path in _tracked("lua/**/*.lua", "lua/*.lua"))
    written = set(
        re.findall(r"'((?:hold|order|inventory|allotment|line|pass|seats|draw)\.[a-z_]+)'", scripts)
    )
    assert len(documented) == len(set(documented))
    assert set(documented) == written


def test_every_field_of_a_sale_is_documented() -> None:
    section = _section(_page("api.md"), "Sales")
    documented = _names(section)
    assert set(documented) == {*SaleSpec.__struct_fields__, "plan"}
    live = {name for name in documented if re.search(rf"^\| `{name}`.*\| yes \|$", section, re.M)}
    assert live == LIVE_FIELDS


def test_every_claim_of_a_pass_is_documented() -> None:
    whole = replace(ADMITTED, channels=("friends",), renewable_until_ms=NOW_MS, test=True)
    claims = jwt.decode(pass_issuer().issue(whole, NOW_MS), options={"verify_signature": False})
    section = _page("api.md").partition("\n### Passes\n")[2].partition("\n## ")[0]
    assert sorted(_names(section)) == sorted(claims)


def test_every_dependency_is_documented_with_its_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += [entry for entry in extra if not entry.startswith("holdfast[")]
    page = _page("dependencies.md")
    for entry in wanted:
        match = re.match(r"([\w-]+)(?:\[.*\])?(.*)", entry)
        assert match is not None
        bound = ", ".join(re.sub(r"([<>=]+)", r"\1 ", part) for part in match[2].split(","))
        assert f"{match[1]} | {bound} |" in page, entry


def test_every_direct_dependency_has_a_pin_within_its_bound() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert all(re.fullmatch(r"(?:\d+!)?[\w.]+", version) for version in pins.values())
    names = {name.lower().replace("_", "-") for name in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for entry in project["dependencies"]:
        assert re.split(r"[\[<>=]", entry)[0].lower() in names


def test_relative_links_resolve() -> None:
    broken = []
    for path in _tracked("*.md"):
        for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
            file = path if not target else (path.parent / target).resolve()
            if not file.exists() or (anchor and anchor[1:] not in _anchors(file)):
                broken.append(f"{path.relative_to(ROOT)}: {target}{anchor}")
    assert broken == []


def _anchors(path: Path) -> set[str]:
    """The anchors that headings get when a page is shown."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Written in pieces, so that this file does not name what it forbids.
FORBIDDEN: Final = {
    "a path of a machine": r"(?<![\w.])/(?:" + "|".join(("work", "home", "root")) + r")/",
    "a package index": "|".join(
        ("pypi" + r"\.org", "python" + "hosted", "index-" + "url", "dev" + "pi")
    ),
    "a task number": r"\b[Ii]ssue" + r" #?\d",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_files_name_nothing_that_is_only_ours(what: str) -> None:
    found = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {hit[0]}" for hit in re.finditer(FORBIDDEN[what], text)
        ]
    assert found == []
