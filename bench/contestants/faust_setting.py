"""What both contestants in Faust share: the journey, where the state is, and the application with its topics."""

import os
from typing import Any

import faust
import mode.loop
import redis.asyncio

import bench.contestants.core  # noqa: F401 - which core is said before anything of Etapa is imported
from bench.contestants.stopwatch import Stopwatch
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY

journey = journey_or_raise(SHIPPED_JOURNEY.read_text(), SHIPPED_JOURNEY.name)
program = compile_journey(journey)
limits = TouchpointLimits()
view: redis.asyncio.Redis = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"])
states = f"{os.environ['BENCH_GROUP']}:state"
stopwatch = Stopwatch()


def faust_app(**options: Any) -> faust.App:
    """The application, told where everything is by the environment; `options` are more of Faust's own."""
    return faust.App(
        os.environ["BENCH_GROUP"],
        datadir=os.environ["BENCH_FOLDER"],
        broker=f"kafka://{os.environ['BENCH_KAFKA']}",
        store="memory://",
        web_enabled=False,
        topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        **options,
    )


def raw_topic(app: faust.App, variable: str) -> Any:
    """The topic that an environment variable names; its keys and values are bytes."""
    return app.topic(os.environ[variable], key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def run(app: faust.App) -> None:
    # As Faust's pages advise, and as the worker does.
    mode.loop.use("uvloop")
    faust.Worker(app, loglevel="warn").execute_from_commandline()
