"""The shipped rules are checked and tested with Prometheus' own tool, and explained in the runbook."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from etapa.metrics.catalogue import COMMON, DELIVERY, SUPERVISOR, WORKER

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: dict[str, Any] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
RECORDED = [
    rule for group in yaml.safe_load((PROMETHEUS / "recording.yml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")

# CI has it, so its absence there is a failure.
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("CI") != "true", reason="promtool is in Debian's package prometheus"
)


def promtool(*arguments: str, folder: Path) -> str:
    run = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    told = run.stdout + run.stderr
    assert run.returncode == 0, told
    return told


@needs_promtool
@pytest.mark.parametrize("name", ["alerts.yml", "recording.yml"])
def test_the_rules_pass_promtools_lint(name: str) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", name, folder=PROMETHEUS)


@needs_promtool
def test_each_alert_fires_when_it_should_and_stays_quiet_when_it_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml", folder=PROMETHEUS)


def test_every_alert_is_tried_both_ways() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    tried = {(one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]}
    assert tried == {(rule["alert"], fires) for rule in ALERTS for fires in (True, False)}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_how_bad_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert f"\n## {rule['alert']}\n" in RUNBOOK


def test_the_runbook_speaks_of_no_alert_that_is_not_there() -> None:
    assert set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == {rule["alert"] for rule in ALERTS}


def test_rules_ask_for_metrics_that_exist_with_labels_that_they_have() -> None:
    samples = {sample: metric for metric in (*WORKER, *DELIVERY, *COMMON, *SUPERVISOR) for sample in metric.samples}
    used = [name for rule in (*ALERTS, *RECORDED) for name in re.findall(r"\betapa_\w+", rule["expr"])]
    assert used
    assert [name for name in used if name not in samples] == []
    labels = {"le", "job", "instance", *(label for metric in samples.values() for label in metric.labels)}
    asked = {label for rule in (*ALERTS, *RECORDED) for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in by.split(", ")}
    assert asked <= labels
