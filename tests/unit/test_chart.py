"""The Helm chart: Kubernetes accepts what it renders, and it agrees with the code."""

import functools
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import etapa
from etapa.settings import FILE_SUFFIX, SETTINGS, variable_of
from tests.support.tools import go_tool, python_tool

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "etapa"
VALUE_SETS = sorted((ROOT / "deploy" / "helm" / "values").glob("*.yaml"))
KUBERNETES = "1.34"
POD_KINDS = ("Deployment", "Job")

value_sets = pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([go_tool("helm"), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@functools.cache
def rendered(values: Path) -> str:
    done = helm("template", "shop", str(CHART), "--values", str(values), "--kube-version", f"{KUBERNETES}.0")
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(values: Path, *kinds: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(rendered(values)) if one and (not kinds or one["kind"] in kinds)]


def named(values: str, kind: str, end: str) -> dict[str, Any]:
    path = next(path for path in VALUE_SETS if path.stem == values)
    (found,) = [one for one in manifests(path, kind) if one["metadata"]["name"].endswith(end)]
    return found


def refused(*settings: str) -> str:
    done = helm("template", "shop", str(CHART), "--kube-version", f"{KUBERNETES}.0", *settings)
    assert done.returncode != 0
    return done.stderr


def test_there_are_five_sets_of_values() -> None:
    assert len(VALUE_SETS) == 5


@value_sets
def test_helms_strict_lint_finds_nothing(values: Path) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(values))
    assert done.returncode == 0, done.stdout + done.stderr


@value_sets
def test_what_is_rendered_holds_against_the_schemas_of_its_kinds(values: Path) -> None:
    check = [python_tool("python"), str(ROOT / "deploy" / "checks" / "manifests.py"), KUBERNETES]
    done = subprocess.run(check, input=rendered(values), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_check_of_schemas_finds_what_is_wrong() -> None:
    wrong = rendered(VALUE_SETS[0]).replace("maxReplicaCount", "maxReplicas").replace("automountServiceAccountToken: false", "autoMount: 1")
    check = [python_tool("python"), str(ROOT / "deploy" / "checks" / "manifests.py"), KUBERNETES]
    done = subprocess.run(check, input=wrong, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ScaledObject journeys-worker: .spec.maxReplicas: no such field" in done.stdout
    assert "Deployment journeys-worker" in done.stdout


@value_sets
def test_pods_run_under_the_restricted_standard(values: Path) -> None:
    pods = [one["spec"]["template"]["spec"] for one in manifests(values, *POD_KINDS)]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {"emptyDir", "secret", "configMap"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


@value_sets
def test_pods_are_given_settings_that_exist_and_secrets_only_as_files(values: Path) -> None:
    known = {variable_of(name): setting for name, setting in SETTINGS.items()}
    for one in manifests(values, *POD_KINDS):
        for container in one["spec"]["template"]["spec"]["containers"]:
            names = [entry["name"] for entry in container["env"]]
            assert len(set(names)) == len(names)
            given = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
            # A killed container starts again in its pod, under the same name in the group.
            named = {
                entry["name"]: entry["valueFrom"]["fieldRef"] for entry in container["env"] if "fieldRef" in entry.get("valueFrom", ())
            }
            expected = {variable_of("group_instance"): {"fieldPath": "metadata.name"}} if container["name"] == "worker" else {}
            assert named == expected
            # OpenTelemetry's variables are not ours, and cannot name a file.
            assert set(names) - set(given) - set(named) <= {"OTEL_EXPORTER_OTLP_HEADERS"}
            mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
            for name, value in given.items():
                if name.startswith("OTEL_"):
                    continue
                setting = known[name.removesuffix(FILE_SUFFIX)]
                if value.startswith("/etc/etapa/"):
                    assert str(Path(value).parent) in mounted
                elif setting.kind.is_secret:
                    assert "@" not in value


def container(component: str, kind: str) -> dict[str, Any]:
    pod = named("everything", kind, component)["spec"]["template"]["spec"]
    (found,) = pod["containers"]
    return {**found, "volumes": pod["volumes"]}


def test_workers_and_delivery_send_spans_with_the_headers_of_a_secret() -> None:
    for component in ("-worker", "-delivery"):
        told = {entry.pop("name"): entry for entry in container(component, "Deployment")["env"]}
        assert told["ETAPA_TRACES"] == {"value": "otlp"}
        assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == {"value": "http://collector.telemetry:4318"}
        assert told["OTEL_TRACES_SAMPLER_ARG"] == {"value": "0.05"}
        assert told["OTEL_EXPORTER_OTLP_HEADERS"] == {"valueFrom": {"secretKeyRef": {"name": "collector", "key": "headers"}}}
    assert "OTEL_" not in rendered(next(path for path in VALUE_SETS if path.stem == "secured"))


@pytest.mark.parametrize(("endpoint", "port"), [("http://c", 80), ("https://c/otlp", 443), ("https://c:4318/a", 4318)])
def test_pods_may_reach_the_port_that_the_address_of_the_collector_means(endpoint: str, port: int) -> None:
    done = helm(
        "template",
        "shop",
        str(CHART),
        "--kube-version",
        f"{KUBERNETES}.0",
        "--set",
        f"kafka.bootstrapServers=k:9092,traces.endpoint={endpoint}",
    )
    (policy,) = [
        one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("worker")
    ]
    assert {"port": port, "protocol": "TCP"} in policy["spec"]["egress"][1]["ports"]


def test_the_test_of_an_installation_checks_delivery_as_delivery_runs() -> None:
    doctor, delivery = container("-doctor", "Job"), container("-delivery", "Deployment")
    file = {"name": "ETAPA_DELIVERY", "value": "/etc/etapa/delivery/delivery.yaml"}
    assert file in doctor["env"]
    assert file in delivery["env"]
    assert doctor["envFrom"] == delivery["envFrom"] == [{"secretRef": {"name": "crm"}}]
    for part in ("volumeMounts", "volumes"):
        (mounted,) = [one for one in delivery[part] if one["name"] == "delivery"]
        assert mounted in doctor[part]


def test_without_delivery_the_test_of_an_installation_asks_for_none_of_it() -> None:
    secured = rendered(next(path for path in VALUE_SETS if path.stem == "secured"))
    assert "doctor" in secured
    assert "DELIVERY" not in secured


def test_another_journey_is_another_version_of_the_pods(tmp_path: Path) -> None:
    versions = set()
    for version in (1, 2):
        path = tmp_path / "values.yaml"
        path.write_text(f"kafka: {{bootstrapServers: 'kafka:9092'}}\njourney: {{file: 'version: {version}'}}\n")
        done = helm("template", "shop", str(CHART), "--values", str(path), "--kube-version", f"{KUBERNETES}.0")
        versions |= set(re.findall(r"checksum/journey: (\w{64})", done.stdout))
    assert len(versions) == 2


def test_the_rules_are_the_shipped_ones() -> None:
    groups = named("everything", "PrometheusRule", "journeys")["spec"]["groups"]
    shipped = [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / name).read_text(encoding="utf-8"))["groups"]
    ]
    for group in shipped:
        for rule in group["rules"]:
            if "annotations" in rule:
                rule["annotations"]["runbook_url"] = "https://runbooks.example.com/etapa/" + rule["annotations"]["runbook_url"]
    assert groups == shipped


def test_workers_are_scraped_under_the_job_that_alerts_ask_for() -> None:
    for component, job in (("worker", "etapa"), ("delivery", "etapa-delivery")):
        (endpoint,) = named("everything", "PodMonitor", component)["spec"]["podMetricsEndpoints"]
        assert {"action": "replace", "targetLabel": "job", "replacement": job} in endpoint["relabelings"]


def test_autoscaling_never_goes_beyond_the_partitions_and_leaves_the_number_alone() -> None:
    spec = named("everything", "ScaledObject", "worker")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 6)
    assert spec["triggers"][0]["metadata"]["allowIdleConsumers"] == "false"
    assert "replicas" not in named("everything", "Deployment", "worker")["spec"]
    target = named("everything", "TriggerAuthentication", "kafka")["spec"]["secretTargetRef"]
    assert {one["parameter"] for one in target} == {"username", "password", "ca"}


def test_pods_may_reach_the_ports_of_kafka_redis_and_the_collector_and_delivery_webhooks_too() -> None:
    def ports(values: str, component: str) -> set[int]:
        return {port["port"] for rule in named(values, "NetworkPolicy", component)["spec"]["egress"] for port in rule["ports"]}

    assert ports("everything", "-worker") == {53, 9093, 6379, 4318}
    assert ports("everything", "-delivery") == {53, 9093, 6379, 4318, 443}
    assert ports("everything", "-job") == {53, 9093, 6379}
    assert ports("secured", "-worker") == {53, 9093, 6380}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((), "kafka.bootstrapServers"),
        (("--set", "kafka.bootstrapServers=me:pw@kafka:9092"), "bootstrapServers"),
        (("--set", "kafka.bootstrapServers=k:9092,redis.url=redis://u:pw@redis"), "redis/url"),
        (("--set", "kafka.bootstrapServers=k:9092,settings.ETAPA_KAFKA_SASL_PASSWORD=pw"), "ETAPA_KAFKA_SASL_PASSWORD"),
        (("--set", "kafka.bootstrapServers=k:9092,replicas=3"), "replicas"),
        (("--set", "kafka.bootstrapServers=k:9092,kafka.securityProtocol=SASL_SSL"), "kafka.sasl"),
        (("--set", "kafka.bootstrapServers=k:9092,delivery.enabled=true"), "delivery.file"),
        (("--set", "kafka.bootstrapServers=k:9092,traces.existingSecret=collector"), "traces.endpoint is required"),
        (("--set", "kafka.bootstrapServers=k:9092,traces.endpoint=https://me:pw@collector"), "traces/endpoint"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(settings: tuple[str, ...], said: str) -> None:
    assert said in refused(*settings)


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (etapa.__version__, etapa.__version__)


def leaves(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value and name != "resources":
            yield from leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def test_the_readme_tells_of_every_value_and_of_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    table = (CHART / "README.md").read_text(encoding="utf-8").partition("## Values")[2]
    told = [name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(told) == sorted(leaves(values))
