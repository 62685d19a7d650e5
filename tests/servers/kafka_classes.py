"""Kafka's classes in a file that the JVM maps, instead of loading and checking them anew: that halves the CPU of a broker's start.

The file is made once for each version of Kafka and of Java, by a broker that is started for it, and kept in the user's cache folder.
"""

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from tests.servers.kafka_jars import java, kafka_jars


@cache
def shared_classes(run_a_broker: Callable[[Path, Sequence[str]], None]) -> Sequence[str]:
    """The options with which a JVM uses the file. `run_a_broker` runs one in a folder, with options, and ends it in good order."""
    jars = kafka_jars()
    told = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False).stderr
    archive = jars.with_name(f"{jars.name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.jsa")
    if not archive.exists():
        with archive.with_suffix(".lock").open("w") as lock:
            # Several test runs begin at once; one makes it, and the others wait.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not archive.exists():
                _make(archive, run_a_broker)
    # It is empty where a JVM cannot make one.
    return [f"-XX:SharedArchiveFile={archive}"] if archive.stat().st_size else []


def _make(archive: Path, run_a_broker: Callable[[Path, Sequence[str]], None]) -> None:
    fresh = archive.with_name(f".{archive.name}-{os.getpid()}")
    with tempfile.TemporaryDirectory() as folder:
        run_a_broker(Path(folder) / "kafka", [f"-XX:ArchiveClassesAtExit={fresh}"])
    fresh.touch()
    fresh.rename(archive)
