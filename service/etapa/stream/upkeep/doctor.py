"""What `etapa doctor` checks: this installation, and both servers independently, so that one failing server hides nothing of the other."""

import asyncio

from etapa.hosting.check_result import CheckResult
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.stream.kafka.clients.consumer import compiled_parser_in_use
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.diagnosis.checkup import check_kafka
from etapa.stream.redis.checkup import check_redis


def check_installation() -> list[CheckResult]:
    """Whether everything is compiled here that should be."""
    results = []
    if IS_COMPILED:
        results.append(CheckResult("Etapa", "compiled core", "good", "the core is compiled"))
    else:
        found = "the core is not compiled, so a worker handles about half the load that it could"
        results.append(
            CheckResult("Etapa", "compiled core", "warning", found, "Install a wheel for this Python, or a C compiler before Etapa")
        )
    if compiled_parser_in_use():
        results.append(CheckResult("Etapa", "record parser", "good", "aiokafka's parser is compiled"))
    else:
        found = "aiokafka parses records in Python here, at a thirtieth of its speed"
        advice = "Install an aiokafka wheel built for this Python, and unset AIOKAFKA_NO_EXTENSIONS"
        results.append(CheckResult("Etapa", "record parser", "warning", found, advice))
    return results


async def check_servers(cluster: Cluster, *, for_links: bool = False) -> list[CheckResult]:
    """Kafka, then Redis. `for_links`: whether the journey joins ids. Raises `RedisUrlError`."""
    kafka, redis = await asyncio.gather(check_kafka(cluster, for_links=for_links), check_redis(cluster.settings))
    return [*kafka, *redis]
