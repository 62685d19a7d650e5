"""Which files are made, and what stands in each."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.generator.dashboards import DASHBOARDS
from deploy.generator.metrics_page import metrics_page
from etapa.serve.openapi import openapi_document

ROOT = Path(__file__).parents[2]


def generated_files() -> Mapping[str, str]:
    """The text of every file that is made, by its path in the repository."""
    boards = {f"deploy/grafana/{board.name}.json": board.as_json() for board in DASHBOARDS}
    # A chart reads only what lies in it.
    rules = {
        f"deploy/helm/etapa/rules/{name}": (ROOT / "deploy" / "prometheus" / name).read_text("utf-8")
        for name in ("alerts.yml", "recording.yml")
    }
    api = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
    return {"docs/metrics.md": metrics_page(), "schemas/openapi.json": api, **boards, **rules}
