"""Clients that find the brokers again when all of them have moved: by the addresses in the settings, with names resolved again.

aiokafka asks only known brokers for metadata. If all of them come back at other addresses (restarted pods, a restored cluster, a changed
listener), it keeps asking the old addresses for ever. KIP-899 solved this for Kafka's own clients (`rebootstrap`).
"""

import asyncio
import logging
import ssl
import time
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.conn import AIOKafkaConnection, CloseReason, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from etapa.stream.kafka.clients.access import Access
from etapa.stream.kafka.clients.frames import AT_ONCE, read_in_place
from etapa.stream.kafka.requests.pieces import write_in_pieces

_SOON = 5.0
"""Seconds within which a connection that will be refused has been refused."""

logger = logging.getLogger(__name__)


class FindsAgain(AIOKafkaClient):  # type: ignore[misc]
    """aiokafka's client, which connects consumers, producers and admin clients to the brokers."""

    _access: Access
    _at_once: bytearray

    # aiokafka keeps the initial values and passes them to each new connection. Looked up here, they are what the files hold now.
    @property
    def _sasl_plain_password(self) -> str | None:
        return self._access.password

    @property
    def _ssl_context(self) -> ssl.SSLContext | None:
        return self._access.tls

    async def bootstrap(self) -> None:
        """Like aiokafka's, but the error says why no broker answered; aiokafka only logs that."""
        started = time.monotonic()
        try:
            await super().bootstrap()
        except KafkaConnectionError as error:
            # Without any reply, asking again would take as long and find out nothing.
            if time.monotonic() - started < _SOON:
                error.__cause__ = await self._why_nobody_answers()
            raise

    async def _why_nobody_answers(self) -> BaseException | None:
        why: BaseException | None = None
        for host, port, _ in self.hosts:
            try:
                async with asyncio.timeout(_SOON):
                    conn = await self._connected_to(host, port)
            except (TimeoutError, OSError, KafkaError) as error:
                why = error
            else:
                conn.close(reason=CloseReason.SHUTDOWN)
        return why

    async def _get_conn(self, node_id: Any, **others: Any) -> AIOKafkaConnection | None:
        """The connection to a broker; none if there is no way there. It is read in place (see `frames`), and takes requests in pieces."""
        connection = await super()._get_conn(node_id, **others)
        if isinstance(connection, AIOKafkaConnection):
            read_in_place(connection, self._at_once)
            write_in_pieces(connection)
        return connection

    async def _metadata_update(self, cluster_metadata: ClusterMetadata, topics: Any) -> bool:
        """Returns whether the metadata was updated. Called whenever a broker does not answer, and at intervals."""
        return await super()._metadata_update(cluster_metadata, topics) or await self._ask_where_we_began(cluster_metadata, topics)

    async def _ask_where_we_began(self, cluster_metadata: ClusterMetadata, topics: Any) -> bool:
        for host, port, _ in self.hosts:
            try:
                conn = await self._connected_to(host, port)
                try:
                    # All topics at once: otherwise a consumer would believe that there are none, and cause a rebalance.
                    told = await conn.send(MetadataRequest(list(topics) if topics else None))
                finally:
                    conn.close(reason=CloseReason.SHUTDOWN)
            except (TimeoutError, OSError, KafkaError) as error:
                logger.debug("nothing at %s:%s tells where the brokers are: %r", host, port, error)
                continue
            if told.brokers:
                before = _places(cluster_metadata)
                cluster_metadata.update_metadata(told)
                logger.info(
                    "no broker answers at its last address (%s); %s:%s now names: %s", before, host, port, _places(cluster_metadata)
                )
                return True
        return False

    async def _connected_to(self, host: str, port: int) -> AIOKafkaConnection:
        return await create_conn(
            host,
            port,
            client_id=self._client_id,
            request_timeout_ms=self._request_timeout_ms,
            ssl_context=self._ssl_context,
            security_protocol=self._security_protocol,
            max_idle_ms=self._connections_max_idle_ms,
            sasl_mechanism=self._sasl_mechanism,
            sasl_plain_username=self._sasl_plain_username,
            sasl_plain_password=self._sasl_plain_password,
            sasl_kerberos_service_name=self._sasl_kerberos_service_name,
            sasl_kerberos_domain_name=self._sasl_kerberos_domain_name,
            sasl_oauth_token_provider=self._sasl_oauth_token_provider,
        )


def find_again(client: AIOKafkaClient, access: Access) -> None:
    """Make the client of a consumer, a producer or an admin client find brokers again, and log in with the current values of `access`."""
    client.__class__ = FindsAgain
    client._access = access
    client._at_once = bytearray(AT_ONCE)


def _places(cluster: ClusterMetadata) -> str:
    return ", ".join(sorted(f"{broker.host}:{broker.port}" for broker in cluster.brokers())) or "none"
