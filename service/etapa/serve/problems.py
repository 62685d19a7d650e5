"""Error answers: JSON problem bodies (RFC 9457), whatever went wrong."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from etapa.serve.answer_shapes import Problem
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import NotKnownNow

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


HEADERS: Mapping[str, str] = {
    "Server": "etapa",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    # There are no CORS headers, so that no page of another origin can read an answer.
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A problem body with the status's usual title; `detail` says what was wrong and what would be right."""
    body = Problem("about:blank", HTTPStatus(status).phrase, status, detail)
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/problem+json", headers=headers)


@web.middleware
async def problems_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into a problem body. A bug is logged with its trace; the answer does not repeat it."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return problem(404, "There is nothing at this path; / lists what there is.")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem(405, f"This path takes {allowed}.", {"Allow": allowed})
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(error.status, error.reason)
    except NotKnownNow as error:
        return problem(503, f"Not known at the moment: {error}. Try again in a moment.", {"Retry-After": "5"})
    except ViewError as error:
        logger.warning("cannot answer %s: %s", request.match_info.handler.__name__, error)
        return problem(503, "Redis does not answer; try again in a moment.", {"Retry-After": "1"})
    except Exception:
        # The last resort: one broken request must not take the worker down. The path is not logged, since it may contain a customer id.
        logger.exception("a request failed")
        return problem(500, "The request failed; the log says why.")
