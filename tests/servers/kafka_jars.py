"""The jars of Apache Kafka: fetched once from Maven Central and kept in the user's cache folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import ServerError

_POM = Path(__file__).with_name("pom.xml")
_JAVA = "Java 17 or newer (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17)"
_MAVEN = "Maven (Debian: apt install maven; macOS: brew install maven)"


def kafka_version() -> str:
    found = re.search(r"<kafka.version>([^<]+)</kafka.version>", _POM.read_text())
    if found is None:
        message = f"{_POM} names no kafka.version"
        raise ServerError(message)
    return found.group(1)


def java() -> str:
    """The path of a Java that can run Kafka 4."""
    path = shutil.which("java")
    if path is None:
        message = f"the tests marked `kafka` need {_JAVA}; java is not on the PATH. Run `make test-quick` to leave them out."
        raise ServerError(message)
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found.group(1)) < 17:
        message = f"the tests marked `kafka` need {_JAVA}; {path} is {told.splitlines()[0] if told else 'silent'}"
        raise ServerError(message)
    return path


def kafka_jars() -> Path:
    """The folder with Kafka's jars and their dependencies; fetches them if they are not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etapa"
    folder = cache / f"kafka-{kafka_version()}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        message = (
            f"the tests marked `kafka` fetch Kafka's jars with {_MAVEN}; mvn is not on the PATH. Run `make test-quick` to leave them out."
        )
        raise ServerError(message)
    # Into a temporary folder first, so that parallel or interrupted test runs never leave half a set of jars.
    fresh = cache / f".kafka-{kafka_version()}-{os.getpid()}"
    command = [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        message = f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}"
        raise ServerError(message)
    try:
        fresh.rename(folder)
    except OSError:
        # Another test run was faster; its jars are the same.
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
