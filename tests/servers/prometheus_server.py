"""A real Prometheus with the shipped rules, which scrapes what a test runs."""

import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.servers.processes import ServerProcess, free_ports

RULES = Path(__file__).parents[2] / "deploy" / "prometheus"
_READY_SECONDS = 60.0


class PrometheusServer:
    """Scrapes and evaluates every second. Needs Debian's package `prometheus`."""

    def __init__(self, folder: Path, jobs: Mapping[str, int]) -> None:
        """`jobs` are the ports on this machine to scrape, by the name of the job."""
        folder.mkdir()
        self._port = free_ports(1)[0]
        for name in ("alerts.yml", "recording.yml"):
            shutil.copy(RULES / name, folder)
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yml", "recording.yml"],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in jobs.items()],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [
            "prometheus",
            "--enable-feature=exemplar-storage",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]
        self._process = ServerProcess([*command, f"--web.listen-address=127.0.0.1:{self._port}"], folder / "prometheus.log")
        self._process.wait_ready(self._is_ready, _READY_SECONDS, "Prometheus' being ready")

    def query(self, expression: str) -> list[Any]:
        """The result of an instant query."""
        found: list[Any] = self._ask(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]
        return found

    def exemplars(self, selector: str) -> list[dict[str, Any]]:
        """The exemplars of the last hour, each with its labels."""
        hour = {"query": selector, "start": str(time.time() - 3600), "end": str(time.time() + 60)}
        told: list[dict[str, Any]] = self._ask(f"query_exemplars?{urllib.parse.urlencode(hour)}")
        return [exemplar for series in told for exemplar in series["exemplars"]]

    def rules(self) -> list[dict[str, Any]]:
        """All rules with their health and, for alerts, their state."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def stop(self) -> None:
        self._process.stop()

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{what}", timeout=30) as answer:
            return json.load(answer)["data"]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
