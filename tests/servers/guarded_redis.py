"""A real Redis that accepts only TLS with a client certificate of its authority, and has users with few rights."""

from pathlib import Path
from urllib.parse import quote

import redis

from tests.servers.certificates import Authority, Certificate
from tests.servers.processes import free_ports
from tests.servers.redis_server import RedisServer

PASSWORD = "between-us/too"


class GuardedRedis:
    """Users: `default`, with all rights; `etapa`; and `reader`, with some rights to read. All have `PASSWORD`."""

    def __init__(self, folder: Path, *rights: str) -> None:
        """`rights` are those of `etapa`, as `ACL SETUSER` takes them; by default all."""
        self.authority = Authority(folder / "pki", "authority")
        self.strangers = Authority(folder / "pki", "strangers")
        self.client = self.authority.issue("client")
        own = self.authority.issue("redis", "127.0.0.1")
        self.tls_port = free_ports(1)[0]
        users = {
            "default": f"on >{PASSWORD} ~* &* +@all",
            "etapa": f"on >{PASSWORD} {' '.join(rights) or '~* +@all'}",
            "reader": f"on >{PASSWORD} ~* +ping +hgetall +select",
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._users = folder / "users.acl"
        self._users.write_text("".join(f"user {name} {rule}\n" for name, rule in users.items()))
        self._server = RedisServer(
            folder,
            "--port",
            "0",
            "--tls-port",
            str(self.tls_port),
            "--tls-cert-file",
            str(own.certificate),
            "--tls-key-file",
            str(own.key),
            "--tls-ca-cert-file",
            str(self.authority.certificate),
            "--aclfile",
            str(self._users),
            port=self.tls_port,
        )

    def start(self) -> None:
        self._server.start_command(self._server.command, ready=self._answers)

    def stop(self) -> None:
        self._server.stop()

    def url(
        self,
        user: str = "default",
        password: str = PASSWORD,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        authority: Path | None = None,
        certificate: Certificate | str | None = "ours",
    ) -> str:
        """Correct settings, with these changes."""
        login = f"{user}:{quote(password, safe='')}@" if user else ""
        query = [f"ssl_ca_certs={authority or self.authority.certificate}"]
        own = self.client if certificate == "ours" else certificate
        if isinstance(own, Certificate):
            query += [f"ssl_certfile={own.certificate}", f"ssl_keyfile={own.key}"]
        return f"rediss://{login}{host}:{port or self.tls_port}/0?{'&'.join(query)}"

    def admin(self) -> redis.Redis:
        """A client with all rights."""
        return redis.Redis.from_url(self.url(), socket_timeout=5)

    def _answers(self) -> bool:
        with self.admin() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
