"""The HTTP server as a service: it listens from start to stop, and says plainly when it cannot."""

import asyncio
import errno

import pytest
from aiohttp import ClientConnectorError, ClientSession, web

from etapa.serve.service import HttpServerError, HttpService, cannot_listen


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


def application() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/", hello)])
    return app


def test_it_answers_from_start_to_stop() -> None:
    async def scenario() -> None:
        service = HttpService(application(), "127.0.0.1", 0)
        await service.start()
        url = service.url
        async with ClientSession() as session:
            async with session.get(url) as response:
                assert await response.text() == "hello"
            await service.stop()
            with pytest.raises(ClientConnectorError):
                await session.get(url)

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    async def scenario() -> None:
        first = HttpService(application(), "127.0.0.1", 0)
        await first.start()
        second = HttpService(application(), "127.0.0.1", first.port)
        with pytest.raises(HttpServerError) as caught:
            await second.on_start()
        assert str(caught.value) == (
            f"cannot serve HTTP on 127.0.0.1:{first.port}: another program listens there; "
            "stop it, or choose another port with ETAPA_HTTP_PORT or --http-port"
        )
        await first.stop()

    asyncio.run(scenario())


def test_an_address_of_another_machine_is_said_with_the_way_out() -> None:
    async def scenario() -> None:
        with pytest.raises(HttpServerError, match="does not have that address; choose another with ETAPA_HTTP_HOST"):
            await HttpService(application(), "192.0.2.1", 0).on_start()

    asyncio.run(scenario())


def test_a_port_that_needs_rights_is_said_with_the_way_out() -> None:
    message = cannot_listen("127.0.0.1", 80, PermissionError(errno.EACCES, "Permission denied"))
    assert message.startswith("cannot serve HTTP on 127.0.0.1:80: ports below 1024 need special rights; choose another")


def test_a_host_name_that_leads_nowhere_is_said_with_the_way_out() -> None:
    message = cannot_listen("nowhere.invalid", 80, OSError(-2, "Name or service not known"))
    assert message == (
        "cannot serve HTTP on nowhere.invalid:80: name or service not known; choose another address with ETAPA_HTTP_HOST and ETAPA_HTTP_PORT"
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://localhost:80/"),  # noqa: S104 (nothing listens in this test)
        ("::1", "http://[::1]:80/"),
    ],
)
def test_its_url_is_what_a_person_can_type(host: str, url: str) -> None:
    assert HttpService(application(), host, 80).url == url
