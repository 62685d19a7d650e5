"""Which files are generated, and the text of each."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from deploy.generator.dashboards import DASHBOARDS
from deploy.generator.metrics_page import metrics_page
from etapa import __version__
from etapa.contracts.outgoing.message_schema import message_schema
from etapa.contracts.outgoing.personal_data_message import PersonalDataMessage
from etapa.contracts.outgoing.report_message import ReportMessage
from etapa.journey.language.schema import journey_schema
from etapa.journey.map.schema import map_schema
from etapa.serve.openapi import openapi_document
from etapa.sources.language.loading import source_schema

ROOT = Path(__file__).parents[2]
_CHART = "deploy/helm/etapa/Chart.yaml"


def generated_files() -> Mapping[str, str]:
    """The text of every generated file, by its path in the repository."""
    boards = {f"deploy/grafana/{board.name}.json": board.as_json() for board in DASHBOARDS}
    # A chart can read only files inside it.
    of_the_chart = {
        f"deploy/helm/etapa/rules/{name}": (ROOT / "deploy" / "prometheus" / name).read_text("utf-8")
        for name in ("alerts.yml", "recording.yml")
    }
    chart = (ROOT / _CHART).read_text("utf-8")
    of_the_chart[_CHART] = re.sub(r"^(version|appVersion): .*$", rf"\g<1>: {__version__}", chart, flags=re.MULTILINE)
    schemas = {
        "openapi": openapi_document(),
        "journey.schema": journey_schema(),
        "source.schema": source_schema(),
        "report.schema": message_schema(ReportMessage),
        "journey-map.schema": map_schema(),
        "personal-data.schema": message_schema(PersonalDataMessage),
    }
    texts = {f"schemas/{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}
    return {"docs/metrics.md": metrics_page(), **texts, **boards, **of_the_chart}
