"""A real schema registry: Apicurio, from Maven Central, with the interface of Confluent's. It keeps everything in memory."""

import os
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path
from typing import Final

from tests.servers.certificates import Authority
from tests.servers.kafka_jars import java
from tests.servers.processes import ServerError, ServerProcess, accepts_connections, free_ports

VERSION: Final = "2.6.13.Final"
"""The last version that runs on Java 17, as Kafka does."""
_READY_SECONDS = 120.0


class ApicurioServer:
    """May be stopped and started again: on the same port, and empty.

    With an `authority`, it speaks only TLS, with a certificate of that authority.
    """

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = free_ports(1)[0]
        self._process: ServerProcess | None = None
        self._tls: dict[str, str] = {}
        if authority is not None:
            # Whether clients need a certificate, too, is decided when Apicurio is built.
            own = authority.issue("registry", "127.0.0.1")
            self._tls = {
                "QUARKUS_HTTP_SSL_PORT": str(self._port),
                "QUARKUS_HTTP_INSECURE_REQUESTS": "disabled",
                "QUARKUS_HTTP_SSL_CERTIFICATE_FILES": str(own.certificate),
                "QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES": str(own.key),
            }
        self.url = f"{'http' if authority is None else 'https'}://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        command = [java(), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-jar", str(_program())]
        places = {"QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(self._port)}
        self._process = ServerProcess(command, self._folder / "apicurio.log", {**os.environ, **places, **self._tls})
        ready = self._listens if self._tls else self._is_ready
        self._process.wait_ready(ready, _READY_SECONDS, "Apicurio's being ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _listens(self) -> bool:
        return accepts_connections(self._port)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _program() -> Path:
    """The jar to run; fetched once and kept in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "etapa"
    folder = cache / f"apicurio-{VERSION}"
    jar = folder / f"apicurio-registry-app-{VERSION}-runner.jar"
    if jar.is_file():
        return jar
    maven = shutil.which("mvn")
    if maven is None:
        message = "the tests of schema registries fetch Apicurio with Maven (Debian: apt install maven); mvn is not on the PATH"
        raise ServerError(message)
    # Into a temporary folder first, so that parallel or interrupted test runs never leave half of it.
    fresh = cache / f".apicurio-{VERSION}-{os.getpid()}"
    fresh.mkdir(parents=True, exist_ok=True)
    artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
    command = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={fresh}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    packed = next(fresh.glob("*.tar.gz"), None)
    if done.returncode != 0 or packed is None:
        shutil.rmtree(fresh, ignore_errors=True)
        message = f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}"
        raise ServerError(message)
    with tarfile.open(packed) as archive:
        archive.extractall(fresh, filter="data")
    packed.unlink()
    try:
        fresh.rename(folder)
    except OSError:
        # Another test run was faster.
        shutil.rmtree(fresh, ignore_errors=True)
    return jar
