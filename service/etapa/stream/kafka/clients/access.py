"""How connections to Kafka are made, with what proves who we are as it is in its files now: files may change under a running process."""

import logging
import ssl
from pathlib import Path
from typing import Any

from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError, client_options, tls_context

logger = logging.getLogger(__name__)


class Access:
    """One for all clients of a process. Making it reads the files, and raises `KafkaSettingsError` when they cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.options = client_options(settings)
        """Of aiokafka's clients, the secrets among it."""
        self._context: ssl.SSLContext | None = self.options.get("ssl_context")
        paths = (settings.kafka_ssl_ca, settings.kafka_ssl_cert, settings.kafka_ssl_key)
        self._files = [Path(path) for path in paths if path is not None]
        self._seen = self._stamps()

    @property
    def password(self) -> str | None:
        """For the next login."""
        password = self._settings.kafka_sasl_password
        return None if password is None else password.current().reveal()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """For the next connection. Files that cannot be used, as in the middle of a change, leave what was read before."""
        if self._context is not None and (stamps := self._stamps()) != self._seen:
            self._seen = stamps
            try:
                self._context = tls_context(self._settings)
                logger.info("the files of certificates for Kafka have changed and were read again")
            except KafkaSettingsError as error:
                logger.warning("files of certificates for Kafka have changed and cannot be used, so the old ones stay: %s", error)
        return self._context

    def _stamps(self) -> list[Any]:
        """What changes when a file does, also when it is behind a link, as mounted secrets are."""
        stamps: list[Any] = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return stamps
