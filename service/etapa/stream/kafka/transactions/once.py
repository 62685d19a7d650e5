"""Requests that are not sent again as long as the first one may still be under way.

aiokafka 0.14 repeats a request whose answer did not come, in the same producer epoch. The first one may arrive all the same,
long after its connection is gone, and brokers that speak the old protocol tell transactions of one epoch apart in no way: an
EndTxn that comes between two writes of the *next* transaction commits one of them. So the producer is given up instead; the
next one's InitProducerId raises the epoch, and what is late is refused.

A request that was *answered* is not under way any more, whatever the answer says, so these are repeated as before:
COORDINATOR_LOAD_IN_PROGRESS and CONCURRENT_TRANSACTIONS (it did nothing), NOT_COORDINATOR and COORDINATOR_NOT_AVAILABLE (it did
nothing, or its end of the transaction is in the log of a coordinator that could not replicate it: the repeated one then ends
what is open, or is told that it has ended so). So is one that could not be handed to any connection.
"""

import asyncio

from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, NodeNotReadyError
from aiokafka.producer.sender import BaseHandler, EndTxnHandler, TxnOffsetCommitHandler


class Once(BaseHandler):  # type: ignore[misc]  # aiokafka has no types
    """For handlers whose request ends the producer when it gets no answer."""

    async def do(self, node_id: int) -> bool:
        """Whether there is nothing to repeat."""
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
    """Ends the transaction, or the producer."""


class CommitOffsetsOnce(Once, TxnOffsetCommitHandler):  # type: ignore[misc]
    """Commits the group's offset, or ends the producer."""
