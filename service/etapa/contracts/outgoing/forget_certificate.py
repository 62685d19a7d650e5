"""The certificate that `etapa forget` writes: where records about a customer still were, and by when they are gone. It names no id.

It is signed with the installation's key, so a changed one is noticed.
"""

import hmac
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from etapa.contracts.json_reading import read_json
from etapa.contracts.rfc3339 import OffsetTime
from etapa.errors import EtapaError
from etapa.journey.engine.deny_list import DenyKey

FORMAT: Final = 1
Offset = Annotated[int, msgspec.Meta(ge=0)]
Removal = Literal["retention", "compaction"]


class CertificateError(EtapaError):
    """A certificate that cannot be read, was changed, or is another customer's."""


class RequestPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the request to forget is in `touchpoints`."""

    topic: str
    partition: Offset
    offset: Offset
    at: OffsetTime
    readmitted_after: Annotated[OffsetTime, msgspec.Meta(description="Until then, touchpoints of this id change nothing.")]


class RemainingPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Records about the customer in a partition of a topic, which Kafka will remove."""

    topic: str
    partition: Offset
    records: Annotated[int, msgspec.Meta(ge=1)]
    last_offset: Annotated[Offset, msgspec.Meta(description="Of the last of these records.")]
    removed_by: Removal
    gone_by: Annotated[OffsetTime | None, msgspec.Meta(description="Null: the topic's settings give no time.")]
    because: Annotated[str, msgspec.Meta(description="The settings of the topic from which the time follows.")]


class ForgetCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """The whole certificate."""

    format: Literal[1] = FORMAT
    customer_digest: Annotated[str, msgspec.Meta(description="The id's keyed digest: nobody without the key can lead it back to the id.")]
    linked_digests: Annotated[
        tuple[str, ...], msgspec.Meta(description="Those of the other ids of the same person, which were forgotten with it.")
    ] = ()
    request: RequestPlace
    remaining: Sequence[RemainingPlace]
    signature: Annotated[str, msgspec.Meta(description="HMAC-SHA256 of the certificate with an empty signature, as compact JSON.")] = ""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(ForgetCertificate).decode


def signed(certificate: ForgetCertificate, key: DenyKey) -> ForgetCertificate:
    """The same with its signature."""
    return msgspec.structs.replace(certificate, signature=_signature(certificate, key))


def encode_certificate(certificate: ForgetCertificate) -> bytes:
    """The certificate as indented JSON."""
    return msgspec.json.format(_encode(certificate)) + b"\n"


def read_certificate(text: bytes, customer_id: str, key: DenyKey) -> ForgetCertificate:
    """The certificate in a file. Raises `CertificateError`."""
    try:
        certificate = read_json(_decode, text)
    except msgspec.DecodeError as error:
        raise CertificateError(f"not a certificate of `etapa forget`: {error}") from None
    if not hmac.compare_digest(certificate.signature, _signature(certificate, key)):
        raise CertificateError("its signature does not fit: it was changed, or made with another ETAPA_FORGET_KEY")
    if key.digest(customer_id).hex() not in (certificate.customer_digest, *certificate.linked_digests):
        raise CertificateError("it is another customer's")
    return certificate


def _signature(certificate: ForgetCertificate, key: DenyKey) -> str:
    return key.sign(b"certificate\0" + _encode(msgspec.structs.replace(certificate, signature=""))).hex()
