"""The page and its few files, read once at the start: nothing else can be asked for."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import ETag, web

from console.doors import ANYBODY, get
from console.errors import NotFound

FOLDER = Path(__file__).parent.parent / "web"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page, ready to send."""

    content: bytes
    content_type: str
    etag: str


def read_files() -> dict[str, File]:
    """Every file of the page by its name."""
    files = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            files[path.name] = File(content, TYPES[path.suffix], sha256(content).hexdigest()[:32])
    return files


FILES = web.AppKey("files", dict[str, File])


async def root(request: web.Request) -> web.Response:
    """Where everybody begins: it leads to the pages that a token's role may use."""
    return _send(request, "start.html")


async def wallboard_page(request: web.Request) -> web.Response:
    """The page; it asks for a token itself."""
    return _send(request, "wallboard.html")


async def queues_page(request: web.Request) -> web.Response:
    """The supervisors' page: who waits, and what seats do."""
    return _send(request, "queues.html")


async def seat_page(request: web.Request) -> web.Response:
    """A seat's own page: its state, what it should know, its talk."""
    return _send(request, "seat.html")


async def spoken_page(request: web.Request) -> web.Response:
    """The seats' page: spoken requests to be listened to."""
    return _send(request, "spoken.html")


async def report_page(request: web.Request) -> web.Response:
    """The page of the monthly report, to look at and to print."""
    return _send(request, "report.html")


async def tickets_page(request: web.Request) -> web.Response:
    """The page of those who handle tickets: units, reviewers, supervisors, seats, leaders."""
    return _send(request, "tickets.html")


async def file(request: web.Request) -> web.Response:
    """A style, a script, a picture."""
    return _send(request, request.match_info["file"])


def _send(request: web.Request, name: str) -> web.Response:
    found = request.app[FILES].get(name)
    if found is None:
        raise NotFound
    known = request.if_none_match or ()
    fresh = any(tag.value == found.etag for tag in known)
    answer = web.Response(status=304) if fresh else web.Response(body=found.content)
    answer.content_type = found.content_type
    answer.charset = "utf-8"
    answer.etag = ETag(found.etag)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


ROUTES = (
    get("/", root, roles=ANYBODY),
    get("/wallboard", wallboard_page, roles=ANYBODY),
    get("/queues", queues_page, roles=ANYBODY),
    get("/seat", seat_page, roles=ANYBODY),
    get("/spoken", spoken_page, roles=ANYBODY),
    get("/report", report_page, roles=ANYBODY),
    get("/tickets", tickets_page, roles=ANYBODY),
    get("/web/{file}", file, roles=ANYBODY),
)
