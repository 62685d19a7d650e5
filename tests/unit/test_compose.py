"""The compose file: what it mounts exists, there may be several workers, and Grafana shows the shipped dashboards."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.tools import python_tool

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
GRAFANA = ROOT / "deploy" / "grafana"


def test_it_holds_against_the_schema_of_compose_files() -> None:
    command = [python_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whatever_is_mounted_from_here_is_here() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ()) if volume.startswith("./")]
    assert len(mounted) > 5
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_workers_can_be_several_since_none_has_a_port_of_the_machine_or_a_name_of_its_own() -> None:
    assert not {"ports", "container_name", "hostname"} & SERVICES["worker"].keys()
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:6066:8080"]


def test_no_two_services_want_the_same_port() -> None:
    published = [port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(published) == len(set(published))


def test_grafana_is_given_every_dashboard_and_the_prometheus_that_is_there() -> None:
    given = {Path(volume.split(":")[0]).name for volume in SERVICES["grafana"]["volumes"] if volume.split(":")[0].endswith(".json")}
    assert given == {path.name for path in GRAFANA.glob("*.json")}
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "etapa.yml").read_text(encoding="utf-8"))["providers"]
    targets = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"] if "dashboards/" in volume.split(":")[1]]
    assert {str(Path(target).parent) for target in targets} == {provider["options"]["path"]}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in targets
    for path in GRAFANA.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["templating"]["list"][0]["query"] == source["type"]


def test_prometheus_looks_up_every_worker_and_loads_the_rules_it_is_given() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    looked_up = {name for job in config["scrape_configs"] for found in job["dns_sd_configs"] for name in found["names"]}
    assert looked_up == {"worker", "deliver"} <= SERVICES.keys()
    assert all((ROOT / "deploy" / "prometheus" / Path(rules).name).exists() for rules in config["rule_files"])


@pytest.mark.skipif(
    shutil.which("nginx") is None and not Path("/usr/sbin/nginx").exists(), reason="nginx is in Debian's package nginx-light"
)
def test_nginx_takes_the_gateways_configuration(tmp_path: Path) -> None:
    whole = f"pid {tmp_path}/pid;\nerror_log {tmp_path}/log;\nevents {{}}\nhttp {{ access_log off; include {ROOT}/deploy/compose/gateway.conf; }}\n"
    (tmp_path / "nginx.conf").write_text(whole, encoding="utf-8")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    done = subprocess.run([nginx, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_images_of_others_are_of_one_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(images) >= 5
    assert [image for image in images if not re.search(r":v?\d+(\.\d+)*(-[a-z]+)?$", image)] == []
