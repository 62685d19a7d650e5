"""Connection options for Kafka, with credentials as their files hold them now: files may change while a process runs."""

import logging
import ssl
from pathlib import Path
from typing import Any

from etapa.settings import Settings
from etapa.stream.kafka.clients.security import KafkaSettingsError, client_options, tls_context

logger = logging.getLogger(__name__)


class Access:
    """Shared by all clients of a process. The constructor reads the files, and raises `KafkaSettingsError` when they cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.options = client_options(settings)
        """The options of aiokafka's clients, including secrets."""
        self._context: ssl.SSLContext | None = self.options.get("ssl_context")
        paths = (settings.kafka_ssl_ca, settings.kafka_ssl_cert, settings.kafka_ssl_key)
        self._files = [Path(path) for path in paths if path is not None]
        self._seen = self._stamps()

    @property
    def password(self) -> str | None:
        """The password for the next login."""
        password = self._settings.kafka_sasl_password
        return None if password is None else password.current().reveal()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS context for the next connection. If files cannot be used, as in the middle of a change, the previous one stays."""
        if self._context is not None and (stamps := self._stamps()) != self._seen:
            self._seen = stamps
            try:
                self._context = tls_context(self._settings)
                logger.info("the certificate files for Kafka have changed and were read again")
            except KafkaSettingsError as error:
                logger.warning("the certificate files for Kafka have changed and cannot be used, so the old ones stay in use: %s", error)
        return self._context

    def _stamps(self) -> list[Any]:
        """Values that change when a file does, even behind a symbolic link, as with mounted secrets."""
        stamps: list[Any] = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return stamps
