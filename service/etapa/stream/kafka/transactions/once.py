"""Requests that are not repeated while the first one may still arrive.

aiokafka 0.14 repeats a request that got no answer, in the same producer epoch. The first one may still arrive long after its
connection is gone, and brokers that speak the old protocol cannot tell transactions of one epoch apart: an EndTxn that arrives
between two writes of the *next* transaction commits one of them. So the producer is given up instead; the next producer's
InitProducerId raises the epoch, and late requests are refused.

A request that was *answered* can no longer arrive late, whatever the answer says. So these are repeated as before:
COORDINATOR_LOAD_IN_PROGRESS and CONCURRENT_TRANSACTIONS (it had no effect), NOT_COORDINATOR and COORDINATOR_NOT_AVAILABLE (it had no
effect, or its end of the transaction is in the log of a coordinator that could not replicate it: the repeated request then ends the
open transaction, or is told that it has ended). So is a request that could not be handed to any connection.
"""

import asyncio

from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, NodeNotReadyError
from aiokafka.producer.sender import BaseHandler, EndTxnHandler, TxnOffsetCommitHandler


class Once(BaseHandler):  # type: ignore[misc]  # aiokafka has no types
    """For handlers that give up the producer when their request gets no answer."""

    async def do(self, node_id: int) -> bool:
        """Send the request. Returns whether it is finished, so that nothing must be repeated."""
        request = self.create_request()
        try:
            answer = await self._sender.client.send(node_id, request, group=self.group)
        except IncompatibleBrokerVersion:
            raise
        except NodeNotReadyError:
            # There is no connection to that node: nothing was sent.
            pause = self.handle_error()
        except KafkaError as error:
            self._sender._txn_manager.fatal_error(error)
            return True
        else:
            pause = self.handle_response(answer)
        if pause is None:
            return True
        await asyncio.sleep(pause)
        return False


class EndOnce(Once, EndTxnHandler):  # type: ignore[misc]
    """Ends the transaction, or gives up the producer."""


class CommitOffsetsOnce(Once, TxnOffsetCommitHandler):  # type: ignore[misc]
    """Commits the group's offset, or gives up the producer."""
