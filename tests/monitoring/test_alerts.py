import subprocess
from pathlib import Path

from support.monitoring.alert_cases import CASES
from support.monitoring.promtool import write_test_files
from support.monitoring.quiet_cases import QUIET
from support.services import program

from holdfast_monitoring.alerts import ALERTS
from holdfast_monitoring.files import ROOT, RULE_DIRECTORY


def _promtool(*arguments: str) -> str:
    command = [program("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_rule_files_are_valid() -> None:
    paths = sorted(map(str, (ROOT / RULE_DIRECTORY).glob("*.yml")))
    assert "rules found" in _promtool("check", "rules", "--lint-fatal", *paths)


def test_every_alert_has_a_case() -> None:
    assert {case.code for case in CASES} == {alert.code for alert in ALERTS}


def test_alerts_fire_once_and_clear_and_not_without_need(tmp_path: Path) -> None:
    """Looked at in every step of every case."""
    paths = write_test_files(tmp_path, (*CASES, *QUIET))
    assert _promtool("test", "rules", *paths).count("SUCCESS") == len(paths)
