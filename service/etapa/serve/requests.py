"""Reports each request: the template of its path, the status of the answer, and how long it took."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from etapa.serve.ports import RequestObserver

NO_SUCH_PATH = "(other)"
"""The template for paths that do not exist and methods that are not allowed: their number would be unlimited."""

BEGAN_TO_ANSWER: web.RequestKey[float] = web.RequestKey("began_to_answer", float)
"""When a long-lasting answer began, by the loop's clock."""


def told_to(observer: RequestObserver) -> Middleware:
    """A middleware that reports to this observer."""

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        clock = asyncio.get_running_loop().time
        began, status = clock(), 500
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            ended = request.get(BEGAN_TO_ANSWER, clock())
            observer.answered(NO_SUCH_PATH if resource is None else resource.canonical, status, ended - began)

    return tell
