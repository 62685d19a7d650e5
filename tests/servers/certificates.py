"""Authorities and certificates for test servers, made in memory and written as PEM files."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_EXPIRED = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
_FAR = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


class Authority:
    """Signs certificates; its own is in `certificate`, a PEM file."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = _builder(self._name, self._name, self._key.public_key(), _FAR)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        own = own.add_extension(usage, critical=True)
        signed = own.sign(self._key, hashes.SHA256())
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *hosts: str, expired: bool = False) -> "Certificate":
        """A certificate for these host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, key.public_key(), _EXPIRED if expired else _FAR)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Certificate(
            self._folder / name,
            signed.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )


class Certificate:
    """A certificate and its key as PEM files: separate, and together as Kafka wants them in a keystore."""

    def __init__(self, stem: Path, certificate: bytes, key: bytes) -> None:
        self.certificate, self.key, self.both = (stem.with_name(f"{stem.name}{end}") for end in ("-cert.pem", "-key.pem", "-both.pem"))
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)
        self.both.write_bytes(key + certificate)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: dt.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_LONG_AGO)
        .not_valid_after(until)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
