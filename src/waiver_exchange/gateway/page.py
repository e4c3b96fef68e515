"""The plain page at `/`: three static files, read once when the service starts."""

from importlib.resources import files
from typing import Final

from litestar import Response, get

from waiver_exchange.gateway.rest.answers import answer_if_changed
from waiver_exchange.gateway.rest.context import AnyRequest

_FOLDER: Final = files("waiver_exchange.gateway") / "web"
_PAGE: Final = (_FOLDER / "index.html").read_bytes()
_STYLE: Final = (_FOLDER / "page.css").read_bytes()
_SCRIPT: Final = (_FOLDER / "page.js").read_bytes()


@get("/")
async def show_page(request: AnyRequest) -> Response[bytes]:
    """Return the page."""
    return answer_if_changed(request, _PAGE, media_type="text/html")


@get("/page.css")
async def show_style(request: AnyRequest) -> Response[bytes]:
    """Return the page's style."""
    return answer_if_changed(request, _STYLE, media_type="text/css")


@get("/page.js")
async def show_script(request: AnyRequest) -> Response[bytes]:
    """Return the page's script."""
    return answer_if_changed(request, _SCRIPT, media_type="text/javascript")


PAGE_HANDLERS: Final = (show_page, show_style, show_script)
