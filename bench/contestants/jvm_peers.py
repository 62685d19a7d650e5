"""Contestants on the JVM: their jars come from Maven Central once, their sources (`bench/peers`) are compiled here."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.contestants.results import ContestError

PEERS = Path(__file__).parents[1] / "peers"
# Both look into classes of Java's own.
_OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.time", "java.net", "java.nio")]


class JavaPeer(NamedTuple):
    """A peer: the folder of its sources and its pom.xml under `bench/peers`, and its main class."""

    folder: str
    main: str
    others: tuple[str, ...] = ()
    """Sources of other folders that it needs, by their names under `bench/peers`."""


_SHARED = tuple(f"journey/peers/{name}.java" for name in ("Touchpoint", "Codec", "Change", "Trigger", "Customer", "Journey", "Setting"))
KAFKA_STREAMS = JavaPeer("streams", "peers.StreamsApp", _SHARED)
FLINK = JavaPeer("flink", "peers.FlinkApp", _SHARED)


def why_not_here() -> str:
    """What is missing to run them; empty when nothing is."""
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    return f"{', '.join(missing)} not found (Debian: apt install openjdk-17-jdk-headless maven)" if missing else ""


def command_of(program: JavaPeer, heap: str = "1g") -> list[str]:
    """The command that runs it, compiled and with its jars. Raises `ContestError` when they cannot be had."""
    built = _built(program)
    return [
        "java",
        f"-Xmx{heap}",
        "-XX:+UseParallelGC",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        *_OPENED,
        "-cp",
        f"{built}/classes:{built}/jars/*",
        program.main,
    ]


def _built(program: JavaPeer) -> Path:
    pom = PEERS / program.folder / "pom.xml"
    sources = [*sorted((PEERS / program.folder).rglob("*.java")), *(PEERS / other for other in program.others)]
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in (pom, *sources))).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etapa"
    folder = cache / f"peer-{program.folder}-{mark}"
    if folder.is_dir():
        return folder
    # Into a folder of our own first, so that none is left half made.
    fresh = cache / f".peer-{program.folder}-{os.getpid()}"
    (fresh / "classes").mkdir(parents=True)
    try:
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}/jars", "-DincludeScope=runtime"]
        _run(["mvn", "-q", "-B", "-f", str(pom), *copy])
        _run(["javac", "--release", "17", "-nowarn", "-cp", f"{fresh}/jars/*", "-d", f"{fresh}/classes", *map(str, sources)])
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ContestError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")


@contextmanager
def committed_offsets(kafka: str, group: str, topic: str, partitions: int) -> Iterator[Any]:
    """A function that gives how many touchpoints a group has committed, asked without joining it."""
    asker = Consumer({"bootstrap.servers": kafka, "group.id": group, "enable.auto.commit": False})
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    told = 0

    def ask() -> int:
        nonlocal told
        # There is no coordinator before the group's first member.
        with suppress(KafkaException):
            told = sum(max(0, one.offset) for one in asker.committed(places, timeout=30))
        return told

    with closing(asker):
        yield ask
