"""Script in a text: what a browser would run if a page, a report or a peer's page showed it bare.

Ours show every text as text. It is refused where it comes in all the same: it is nothing that
somebody wants to tell a hotline, and the ticket goes on to houses whose pages we don't know.
"""

import re

_SCRIPT = re.compile(
    r"<[\s/]*(?:script|iframe|frame|object|embed|applet|svg|math|base|meta|link|style)\b"
    r"|<[a-z][^<>]*[\s\"'/]on[a-z]+\s*="
    r"|\b(?:javascript|vbscript)\s*:|\bdata\s*:\s*text/html",
    re.IGNORECASE | re.ASCII,
)
SAYS = "holds script (such as <script>): write it in words"
SAYS_ZH = "内容含有脚本代码(如<script>),请改用文字叙述。"


def has_script(text: str) -> bool:
    """Whether there is an element, an event's attribute or an address that runs."""
    return _SCRIPT.search(text) is not None


def scriptless(text: str) -> str:
    """The text itself; raises `ValueError` for one with script (pydantic's `AfterValidator`)."""
    if has_script(text):
        raise ValueError(SAYS)
    return text
