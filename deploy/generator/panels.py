"""Panels of a Grafana dashboard, in the few shapes that ours use, with queries made from the catalogue of metrics."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from etapa.metrics.catalogue.metric import Metric

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
INSTANCES = 'job=~"$job",instance=~"$instance"'
"""The filter of every query: what is chosen at the top of the dashboard."""

Unit = Literal["short", "s", "ops", "bytes", "percentunit", "dateTimeFromNow", "bool"]


class Query(msgspec.Struct, frozen=True):
    """One query, and the legend of its lines."""

    expression: str
    legend: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel. `kind` is Grafana's panel type."""

    title: str
    about: str
    queries: Sequence[Query]
    unit: Unit = "short"
    kind: Literal["timeseries", "stat", "bargauge"] = "timeseries"
    width: int = 12
    quiet: str = ""
    """Why its queries may return nothing in a healthy installation; empty when they always return something."""


def total(metric: Metric, *by: str) -> Query:
    """A gauge, summed over processes."""
    return Query(f"sum{_by(by)}({metric.name}{{{INSTANCES}}})", _legend(metric, by))


def largest(metric: Metric, *by: str) -> Query:
    """The largest value of a gauge among processes."""
    return Query(f"max{_by(by)}({metric.name}{{{INSTANCES}}})", _legend(metric, by))


def smallest(metric: Metric, *by: str) -> Query:
    """The smallest value of a gauge among processes."""
    return Query(f"min{_by(by)}({metric.name}{{{INSTANCES}}})", _legend(metric, by))


def longest_since(metric: Metric, *by: str) -> Query:
    """For how many seconds something has gone on, by a gauge that holds the Unix time since when, or 0; the longest among processes."""
    return Query(f"max{_by(by)}(time() - ({metric.name}{{{INSTANCES}}} > 0))", _legend(metric, by))


def rate(metric: Metric, *by: str) -> Query:
    """How much a counter grew per second."""
    return Query(f"sum{_by(by)}(rate({metric.name}{{{INSTANCES}}}[$__rate_interval]))", _legend(metric, by))


def quantile(metric: Metric, share: float, *by: str) -> Query:
    """The quantile of a histogram: `share` of its observations were at most this."""
    buckets = f"sum{_by(('le', *by))}(rate({metric.name}_bucket{{{INSTANCES}}}[$__rate_interval]))"
    return Query(f"histogram_quantile({share:g}, {buckets})", " ".join((f"{share:.0%}", *(f"{{{{{label}}}}}" for label in by))))


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""


def _legend(metric: Metric, by: Sequence[str]) -> str:
    unknown = set(by) - {*metric.labels, "job", "instance"}
    if unknown:
        raise ValueError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
    return " ".join(f"{{{{{label}}}}}" for label in by) or metric.name.removeprefix("etapa_")


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """A page of panels in rows."""

    name: str
    title: str
    about: str
    job: str
    rows: Mapping[str, Sequence[Panel]]

    def as_json(self) -> str:
        """The dashboard as JSON that Grafana can import."""
        return msgspec.json.format(msgspec.json.encode(self._as_object())).decode() + "\n"

    def panels(self) -> list[Panel]:
        """All panels, in order."""
        return [panel for panels in self.rows.values() for panel in panels]

    def _as_object(self) -> dict[str, Any]:
        placed: list[dict[str, Any]] = []
        top = 0
        for title, panels in self.rows.items():
            placed.append(
                {"id": len(placed) + 1, "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _place(0, top, 24, 1)}
            )
            top += 1
            left = 0
            for panel in panels:
                if left + panel.width > 24:
                    left, top = 0, top + 8
                placed.append({"id": len(placed) + 1, "gridPos": _place(left, top, panel.width, 8), **_panel(panel)})
                left += panel.width
            top += 8
        return {
            "uid": f"etapa-{self.name}",
            "title": self.title,
            "description": self.about,
            "tags": ["etapa"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": _choices(self.job)},
            "panels": placed,
        }


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": f"{panel.about} {panel.quiet}".strip(),
        "datasource": DATA_SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + number), "datasource": DATA_SOURCE, "expr": query.expression, "legendFormat": query.legend}
            for number, query in enumerate(panel.queries)
        ],
    }


def _choices(job: str) -> list[dict[str, Any]]:
    asked = {
        "job": f'label_values(etapa_build_info{{job=~"{job}"}}, job)',
        "instance": 'label_values(etapa_build_info{job=~"$job"}, instance)',
    }
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        *(
            {
                "name": name,
                "type": "query",
                "datasource": DATA_SOURCE,
                "query": {"query": query, "refId": name},
                "refresh": 2,
                "includeAll": True,
                "multi": True,
                "current": {"text": "All", "value": "$__all"},
            }
            for name, query in asked.items()
        ),
    ]
