import hashlib
import re
from pathlib import Path

import pytest

from holdfast_lua import BundleError, Code, Executor, load_bundle
from holdfast_lua.bundle.loader import production_bundle

HEADER = """-- Does a thing.
-- KEYS: sale events
-- ARGV: epoch revision
--   seat...  dense index,
--            on a second line, 9 times
-- Returns {code}: OK.
"""


class Folder:
    """A bundle directory in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "include").mkdir()
        (path / "scripts").mkdir()

    def script(self, body: str, *, header: str = HEADER, name: str = "do_thing") -> None:
        (self.path / "scripts" / f"{name}.lua").write_text(header + body)

    def include(self, name: str, body: str) -> None:
        (self.path / "include" / f"{name}.lua").write_text(body)

    def rendered(self) -> str:
        return load_bundle(self.path).rendered("do_thing")

    def refuses(self, match: str) -> None:
        with pytest.raises(BundleError, match=match):
            load_bundle(self.path).check()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_script_of_the_service_loads() -> None:
    bundle = production_bundle()
    assert "read_clock" in bundle
    assert all(bundle.rendered(name).startswith("#!lua") for name in bundle)


def test_production_bundle_has_no_test_clock() -> None:
    assert not any(
        "offset_ms" in production_bundle().rendered(name) for name in production_bundle()
    )


def test_every_command_that_a_script_runs_is_found() -> None:
    """The store's user is examined for these: a name that is put together would be missed."""
    bundle = production_bundle()
    called = named = 0
    for name in bundle:
        source = re.sub(r"--.*", "", bundle.rendered(name))
        called += len(re.findall(r"redis\.p?call\b", source))
        named += len(re.findall(rf"redis\.call\('({'|'.join(bundle.commands)})'", source))
    assert called == named > 100


def test_sha_is_that_of_the_rendered_source(folder: Folder) -> None:
    folder.script("return { 0 }\n")
    script = load_bundle(folder.path).script("do_thing")
    assert script.sha == hashlib.sha1(script.source.encode(), usedforsecurity=False).hexdigest()


def test_include_comes_once_and_before_its_user(folder: Folder) -> None:
    folder.include("base", "local base = 1\n")
    folder.include("left", "-- include: base\nlocal left = base\n")
    folder.include("right", "-- include: base\nlocal right = base\n")
    folder.script("-- include: left\n-- include: right\nreturn { left + right }\n")
    lines = [line for line in folder.rendered().splitlines() if line.startswith("local")]
    assert lines == ["local base = 1", "local left = base", "local right = base"]


def test_lazy_part_is_built_in_a_scope_of_its_own(folder: Folder) -> None:
    folder.include("base", "local base = 1\n")
    folder.include("more", "local more = 2\n")
    folder.include("rare", "-- include: base\n-- include: more\nreturn { base + more }\n")
    folder.include("never", "-- include: more\nreturn { more }\n")
    folder.script("-- include: base\n-- lazy: rare\n-- lazy: never\n-- include: more\nreturn {}\n")
    source = folder.rendered()
    assert source.count("local base = 1") == 1  # the part sees what stands above it
    assert source.count("local more = 2") == 3  # what a part includes is seen by nobody else


async def test_lazy_part_is_built_when_it_is_called_and_once(
    folder: Folder, store_url: str
) -> None:
    folder.include(
        "counted", "local count = redis.call('INCR', KEYS[1])\nreturn { count = count }\n"
    )
    body = """-- lazy: counted
if ARGV[1] == '0' then return { 0, tonumber(redis.call('GET', KEYS[1]) or 0) } end
return { 0, counted().count + counted().count }
"""
    header = "-- KEYS: counter\n-- ARGV: wanted\n"
    folder.script(body, header=header)
    async with Executor(store_url, load_bundle(folder.path)) as executor:
        key = ["hf:{lazy}:counter"]
        assert await executor.run("do_thing", key, [0]) == [0, 0]
        assert await executor.run("do_thing", key, [1]) == [0, 2]
        assert await executor.run("do_thing", key, [1]) == [0, 4]


def test_code_names_become_their_numbers(folder: Folder) -> None:
    folder.script("return { CODE.STORE_BEHIND }\n")
    assert f"({int(Code.STORE_BEHIND)} --[[STORE_BEHIND]])" in folder.rendered()


def test_flags_reach_the_engine(folder: Folder) -> None:
    folder.script("return { 0 }\n", header=HEADER + "-- flags: no-writes, allow-oom\n")
    assert folder.rendered().startswith("#!lua flags=no-writes,allow-oom\n")


def test_overlay_replaces_one_include(folder: Folder) -> None:
    folder.include("clock", "local now = 'real'\n")
    folder.script("-- include: clock\nreturn { now }\n")
    other = folder.path / "other.lua"
    other.write_text("local now = 'driven'\n")
    source = load_bundle(folder.path, overlay={"clock": other}).rendered("do_thing")
    assert "driven" in source
    assert "real" not in source


# Calls


@pytest.mark.parametrize(("keys", "args"), [(2, 2), (2, 3), (2, 50)])
def test_call_that_fits_the_header_passes(folder: Folder, keys: int, args: int) -> None:
    folder.script("return { 0 }\n")
    load_bundle(folder.path).script("do_thing").check(keys, args)


@pytest.mark.parametrize(("keys", "args"), [(1, 2), (3, 2), (2, 1), (2, 0)])
def test_call_that_does_not_fit_says_what_would(folder: Folder, keys: int, args: int) -> None:
    folder.script("return { 0 }\n")
    script = load_bundle(folder.path).script("do_thing")
    with pytest.raises(BundleError, match="takes 2 keys and at least 2 arguments"):
        script.check(keys, args)


def test_unknown_script_is_named(folder: Folder) -> None:
    with pytest.raises(BundleError, match="no_such"):
        load_bundle(folder.path).script("no_such")


# Malformed files


def test_missing_include_is_refused(folder: Folder) -> None:
    folder.script("-- include: nowhere\n")
    folder.refuses("do_thing: no include named 'nowhere'")


def test_include_cycle_is_refused_with_its_path(folder: Folder) -> None:
    folder.include("first", "-- include: second\n")
    folder.include("second", "-- include: first\n")
    folder.script("-- include: first\n")
    folder.refuses("first -> second -> first")


@pytest.mark.parametrize("line", ["-- include: base", "-- lazy: base"])
@pytest.mark.parametrize(
    "body", ["local early = 1\n{line}\n", "local function late()\n  {line}\nend\n", "  {line}\n"]
)
def test_part_that_is_not_at_the_top_is_refused(folder: Folder, line: str, body: str) -> None:
    folder.include("base", "return 1\n")
    folder.script(body.format(line=line))
    folder.refuses(f"do_thing: '{line}' is not at the top of do_thing")


def test_part_that_is_misspelt_is_refused(folder: Folder) -> None:
    folder.include("base", "local base = 1\n")
    folder.include("other", "--include:base\nlocal other = base\n")
    folder.script("-- include: other\n")
    folder.refuses("'--include:base' is not at the top of other")


def test_lazy_part_that_answers_nothing_is_refused(folder: Folder) -> None:
    folder.include("silent", "local base = 1\n")
    folder.script("-- lazy: silent\n")
    folder.refuses("the lazy part 'silent' returns nothing")


def test_lazy_part_cannot_hide_the_guard(folder: Folder) -> None:
    folder.include("guard", "local guarded = true\n")
    folder.include("hidden", "-- include: guard\nreturn guarded\n")
    folder.script("-- lazy: hidden\n", header=HEADER.replace("epoch", "amount"))
    folder.refuses("the first of KEYS is sale, and of ARGV epoch and revision")


def test_unknown_code_is_refused(folder: Folder) -> None:
    folder.script("return { CODE.NO_SUCH_THING }\n")
    folder.refuses("do_thing: nothing is declared as 'CODE.NO_SUCH_THING'")


@pytest.mark.parametrize("section", ["KEYS", "ARGV"])
def test_header_without_a_section_is_refused(folder: Folder, section: str) -> None:
    folder.script("return { 0 }\n", header=HEADER.replace(f"-- {section}:", "-- Other:"))
    folder.refuses(f"no {section} section")


def test_only_the_last_entry_may_repeat(folder: Folder) -> None:
    folder.script("return { 0 }\n", header=HEADER.replace("revision", "revision..."))
    folder.refuses("only the last of ARGV")


def test_use_of_an_undeclared_key_is_refused(folder: Folder) -> None:
    folder.script("return redis.call('GET', KEYS.seats)\n")
    folder.refuses("nothing is declared as 'KEYS.seats'")


def test_section_twice_is_refused(folder: Folder) -> None:
    folder.script("return { 0 }\n", header=HEADER + "-- KEYS: seats\n")
    folder.refuses("KEYS twice in the header")


def test_arguments_are_arranged_by_their_names(folder: Folder) -> None:
    folder.script("return { 0 }\n", header="-- KEYS: none\n-- ARGV: one\n--   two  text\n")
    signature = load_bundle(folder.path).script("do_thing").args
    assert signature.arrange({"two": 2, "one": 1}) == [1, 2]
    for wrong in ({"one": 1}, {"one": 1, "two": 2, "three": 3}):
        with pytest.raises(BundleError, match="do not fit"):
            signature.arrange(wrong)


def test_unknown_flag_is_refused(folder: Folder) -> None:
    folder.script("return { 0 }\n", header=HEADER + "-- flags: no-such\n")
    folder.refuses("unknown flag 'no-such'")


def test_guarded_script_must_take_the_guards_arguments_first(folder: Folder) -> None:
    folder.include("guard", "local guarded = true\n")
    folder.script("-- include: guard\n", header=HEADER.replace("epoch", "amount"))
    folder.refuses("the first of KEYS is sale, and of ARGV epoch and revision")


def test_same_name_in_two_folders_is_refused(folder: Folder, tmp_path: Path) -> None:
    folder.script("return { 0 }\n")
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "do_thing.lua").write_text(HEADER)
    with pytest.raises(BundleError, match="two scripts are named do_thing"):
        load_bundle(folder.path, extra=extra)
