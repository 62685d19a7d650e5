"""An authorization server: a token endpoint for client credentials, and the keys that its tokens are signed with."""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.local_http import LocalHttpServer, QuietHandler

CLIENT_ID = "etapa"
CLIENT_SECRET = "client's own/secret"


class TokenServer(LocalHttpServer):
    """Signs tokens for the audience `kafka`, or for what the scope says. Use it in a `with` block."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.asked = 0
        """How often a token was requested."""
        owner = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                self.answer(200, json.dumps(owner._keys()).encode())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, body = owner._grant(self.headers.get("Authorization", ""), form)
                self.answer(status, json.dumps(body).encode())

        super().__init__(Handler)
        self.keys_url = f"{self.url}/keys"
        self.url += "/token"

    def signed(self, audience: str = "kafka", seconds: int = 300) -> str:
        now = int(time.time())
        claims = {"iss": "tests", "sub": CLIENT_ID, "aud": audience, "iat": now, "exp": now + seconds, "scope": "kafka"}
        signed = b".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1", "typ": "JWT"}, claims))
        return b".".join((signed, _encoded(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())))).decode()

    def _grant(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, Any]:
        self.asked += 1
        login = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if form.get("grant_type") != ["client_credentials"] or login != f"{CLIENT_ID}:client%27s+own%2Fsecret":
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": self.signed(form.get("scope", ["kafka"])[0]), "token_type": "Bearer", "expires_in": 300}

    def _keys(self) -> Any:
        numbers = self._key.public_key().public_numbers()
        big = {
            name: _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()
            for name, value in (("n", numbers.n), ("e", numbers.e))
        }
        return {"keys": [{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", **big}]}


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
