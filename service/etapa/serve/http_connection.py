"""One connection to the HTTP server: aiohttp's, except that answers to unreadable requests repeat nothing of them."""

from aiohttp import web

from etapa.serve.problems import HEADERS, problem

_DETAILS = {
    400: "This request cannot be read: its first line, a header or the length of its body breaks the rules of HTTP.",
    417: "The header Expect asks for something that is not done here; only 100-continue is.",
    500: "The request failed; the log says why.",
}


class HttpConnection(web.RequestHandler):
    """Answers with problem bodies when none of our handlers was called: aiohttp's own texts quote what was sent, for example a token."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to a request that could not be read or handled. Raises ConnectionError when an answer has already begun."""
        # Called because it also logs the error.
        super().handle_error(request, status, exc, message)
        answer = _problem(status)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. An exception can only be aiohttp's own: `problems_as_json` turns all others into answers."""
        answer = _problem(resp.status) if isinstance(resp, web.HTTPException) else resp
        return await super().finish_response(request, answer, start_time)


def _problem(status: int) -> web.Response:
    # When no path was found, nothing else sets the headers.
    return problem(status, _DETAILS.get(status, "The request could not be handled."), HEADERS)
