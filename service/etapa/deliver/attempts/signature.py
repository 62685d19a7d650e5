"""Signing a delivery after the Standard Webhooks specification, version 1.0.0: HMAC-SHA256 over id, time stamp and body.

The id in the signed text must not contain a full stop, or a signature could also be valid for another message.
Trigger ids contain customer ids, which can be any text, so in headers they are percent-encoded where needed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from etapa.errors import EtapaError

SECRET_PREFIX = "whsec_"  # noqa: S105 (only marks what follows as a secret)
SHORTEST_SECRET = 24
LONGEST_SECRET = 64
_ALWAYS_ENCODED = frozenset(b"%")


class SecretError(EtapaError, ValueError):
    """A signing secret cannot be used. The message says what would be right, and nothing about what was found."""


def secret_key(text: str) -> bytes:
    """The key in a signing secret: `whsec_` (optional), then 24 to 64 bytes in base64. Raises `SecretError`."""
    allowed = f"a signing secret is {SECRET_PREFIX} and then {SHORTEST_SECRET} to {LONGEST_SECRET} random bytes in base64"
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError(allowed) from None
    if not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise SecretError(f"{allowed}; this one has {len(key)}")
    return key


def header_text(text: str, encoded: bytes = b"") -> str:
    """`text` for a header: `%`, the bytes in `encoded`, and everything but visible ASCII are percent-encoded. Different texts stay different."""
    always = _ALWAYS_ENCODED | frozenset(encoded)
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in always else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")
    )


def idempotency_key(trigger_id: str) -> str:
    """The trigger's id as sent in `Idempotency-Key`."""
    return header_text(trigger_id)


def webhook_id(trigger_id: str) -> str:
    """The trigger's id as sent in `webhook-id`, and as signed."""
    return header_text(trigger_id, b".")


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: `v1,` and base64. `timestamp` is in seconds since 1970."""
    signed = hmac.new(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def signed_headers(keys: Sequence[bytes], trigger_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a signed delivery. With several keys (during a rotation) a receiver may check any of them."""
    message_id = webhook_id(trigger_id)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if keys:
        headers["webhook-signature"] = " ".join(sign(key, message_id, timestamp, body) for key in keys)
    return headers
