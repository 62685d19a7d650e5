"""Fixtures for all tests: real servers, started for the first test that needs them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.fixtures import guarded_kafka, kafka_server, redis_cluster, redis_sentinel, redis_server, token_server
from tests.support.mixed import mixed
from tests.support.tls_goodbyes import wait_for_goodbyes

__all__ = [
    "guarded_kafka",
    "kafka_server",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "redis_cluster",
    "redis_sentinel",
    "redis_server",
    "token_server",
]

# How long a machine takes for an example says nothing about the example.
settings.register_profile("etapa", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("etapa")

wait_for_goodbyes()

PACKAGE = Path(__file__).parents[1] / "service" / "etapa"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run if the compiled modules are older than their sources."""
    if config.pluginmanager.has_plugin("tests.support.uncompiled"):
        return
    for built in PACKAGE.rglob("*.so"):
        module = built.with_name(built.name.partition(".")[0])
        in_c = module.with_suffix(".c")
        for source in [in_c, *module.parent.glob("*.h")] if in_c.exists() else [module.with_suffix(".py")]:
            if not source.exists() or source.stat().st_mtime > built.stat().st_mtime:
                raise pytest.UsageError(f"{source} was changed after it was compiled: make setup, or python hatch_build.py --remove")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix files that wait with files that compute, in each of several processes: all of them must find the same order."""
    if hasattr(config, "workerinput"):
        items[:] = mixed(items)
