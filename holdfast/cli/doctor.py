"""`holdfast doctor`: looks at store, ledger and host, and says what to change."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from holdfast.cli.options import config_option, data_dir_option, read_config
from holdfast.cli.remote.output import counted
from holdfast.doctor import Finding, Level, examine

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@data_dir_option
@config_option
def doctor(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Check the settings of store, ledger and host, and say what to change.

    Looks with the configuration that `holdfast serve` would have here, and changes nothing. The
    embedded store is checked while the service runs. Ends with status 1 if there is a problem;
    warnings alone end with 0.

    \b
    Examples:
      holdfast doctor
      HOLDFAST_STORE_URL=redis://store.internal holdfast doctor --json
    """
    config = read_config(config_path, {"data_dir": data_dir})
    findings = asyncio.run(examine(config))
    levels = Counter(finding.level for finding in findings)
    if as_json:
        counts = {level.value: levels[level] for level in Level}
        lines = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"counts": counts, "findings": lines}, indent=2))
    else:
        _print(findings)
        problems, warnings = levels[Level.PROBLEM], levels[Level.WARNING]
        click.echo(f"\n{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
    if levels[Level.PROBLEM]:
        raise SystemExit(1)


def _print(findings: list[Finding]) -> None:
    """A heading for each thing that was looked at, a line for each finding."""
    width = max(len(finding.check) for finding in findings)
    heading = ""
    for finding in findings:
        title = f"{finding.area} {finding.subject}".strip()
        if title != heading:
            heading = title
            click.secho(f"\n{title}" if title != findings[0].area else title, bold=True)
        level = click.style(f"{finding.level:<7}", fg=COLOURS[finding.level])
        means = f": {finding.means}" if finding.means else ""
        click.echo(f"  {level}  {finding.check:<{width}}  {finding.found}{means}")
        if finding.change:
            click.echo(f"  {'':7}  {'':<{width}}  -> {finding.change}")
