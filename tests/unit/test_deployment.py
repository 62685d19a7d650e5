"""What is deployed agrees with the code: the compose file, the image, Prometheus and the lock."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from etapa.settings import SETTINGS, variable_of
from tests.servers.kafka_jars import kafka_version

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def test_compose_publishes_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_compose_runs_the_kafka_that_the_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}"


def test_redis_in_compose_never_drops_a_customer_and_survives_a_restart() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


@pytest.mark.parametrize("name", ["topics", "worker"])
def test_compose_sets_only_settings_that_exist(name: str) -> None:
    known = {variable_of(setting) for setting in SETTINGS}
    assert set(SERVICES[name]["environment"]) <= known | {f"{each}_FILE" for each in known}


def test_the_worker_in_compose_starts_when_everything_it_needs_is_there() -> None:
    assert {name: needed["condition"] for name, needed in SERVICES["worker"]["depends_on"].items()} == {
        "kafka": "service_healthy",
        "redis": "service_healthy",
        "topics": "service_completed_successfully",
        "token": "service_completed_successfully",
    }


def test_the_image_runs_without_rights_and_installs_what_the_lock_says() -> None:
    assert re.search(r"^USER (?!0\b|root\b)\d+", DOCKERFILE, re.MULTILINE)
    installs = re.findall(r"-m pip install [^&\n]*", DOCKERFILE)
    assert len(installs) == 3
    assert [install for install in installs if "--require-hashes" not in install and "--no-deps" not in install] == []


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("Dockerfile")), ids=lambda path: path.parent.name)
def test_an_image_is_built_on_one_patch_version_of_its_base(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE=[\w/]+:\d+\.\d+\.\d+-\S+$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {"${BASE}", "scratch"}


def test_the_collector_is_built_with_the_go_that_its_modules_name() -> None:
    (go,) = re.findall(r"^go (\S+)$", (ROOT / "deploy/collect/collector/go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"ARG BASE=golang:{go}-" in (ROOT / "deploy/collect/Dockerfile").read_text(encoding="utf-8")


def test_everything_that_the_image_copies_reaches_the_builder() -> None:
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert [path for path in copied if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_has_a_hash_for_everything_and_names_no_place_to_fetch_it_from(lock: Path) -> None:
    text = lock.read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert [one.splitlines()[0] for one in requirements if "--hash=sha256:" not in one] == []
    assert re.findall(r"(?i)\bhttps?:|--(?:index|extra|find|trusted)\S*|@ ", text) == []


def test_the_lock_holds_every_dependency_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[\[<>=;! ]", requirement)[0].lower() for requirement in project["dependencies"]}
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE))
    assert named - locked == set()


def test_a_release_says_where_its_source_is_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def described() -> dict[str, Any]:
        metadata: dict[str, Any] = {}
        # Not a module of the package, so only the build has its types.
        importlib.import_module("hatch_build").DescriptionHook(str(ROOT), {}).update(metadata)
        return metadata

    monkeypatch.delenv("ETAPA_SOURCE_URL", raising=False)
    here = described()
    assert here["urls"] == {}
    assert here["readme"]["text"] == (ROOT / "README.md").read_text("utf-8")
    monkeypatch.setenv("ETAPA_SOURCE_URL", "https://example.com/shop/etapa/")
    released = described()
    assert released["urls"]["Source"] == "https://example.com/shop/etapa"
    assert re.findall(r"\]\((?![a-z]+:|#)([^)]+)\)", released["readme"]["text"]) == []
