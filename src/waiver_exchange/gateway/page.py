"""The plain pages and what they are made of: static files, read once when the service starts."""

from importlib.resources import files
from typing import Final

from litestar import Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from waiver_exchange.gateway.rest.answers import answer_if_changed, etag_of
from waiver_exchange.gateway.rest.context import AnyRequest
from waiver_exchange.gateway.rest.errors import answer_framework

_FOLDER: Final = files("waiver_exchange.gateway") / "web"
_HTML: Final = "text/html"
_CSS: Final = "text/css"
_SCRIPT: Final = "text/javascript"

# Path, file and media type of everything that a browser loads; nothing of it is private, so anybody may keep it.
PAGES: Final = (
    ("/", "index.html", _HTML),
    ("/page.css", "page.css", _CSS),
    ("/page.js", "page.js", _SCRIPT),
    ("/sign-in", "sign-in.html", _HTML),
    ("/security", "security.html", _HTML),
    ("/conservation", "conservation.html", _HTML),
    ("/web/conservation.css", "conservation.css", _CSS),
    ("/web/conservation.js", "conservation.js", _SCRIPT),
    ("/web/site.css", "site.css", _CSS),
    ("/web/mine.js", "mine.js", _SCRIPT),
    ("/web/session.js", "session.js", _SCRIPT),
    ("/web/corner.js", "corner.js", _SCRIPT),
    ("/web/page-parts.js", "page-parts.js", _SCRIPT),
    ("/web/passkeys.js", "passkeys.js", _SCRIPT),
    ("/web/sign-in.js", "sign-in.js", _SCRIPT),
    ("/web/security.js", "security.js", _SCRIPT),
)


def _handler_of(path: str, file: str, media_type: str) -> HTTPRouteHandler:
    content = (_FOLDER / file).read_bytes()
    etag = etag_of(content)

    @get(path, name=path)
    async def show_file(request: AnyRequest) -> Response[bytes]:
        return answer_if_changed(request, content, etag=etag, media_type=media_type)

    return show_file


_NOT_FOUND: Final = (_FOLDER / "not-found.html").read_bytes()
_NOT_FOUND_STATUS: Final = 404


def answer_missing(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refuses: a person's browser that asks for an unknown page gets one, all else a refusal."""
    wants_page = request.method in {"GET", "HEAD"} and _HTML in request.headers.get("accept", "")
    if error.status_code == _NOT_FOUND_STATUS and wants_page:
        return Response(_NOT_FOUND, media_type=_HTML, status_code=_NOT_FOUND_STATUS)
    return answer_framework(request, error)


PAGE_HANDLERS: Final = tuple(_handler_of(*page) for page in PAGES)
