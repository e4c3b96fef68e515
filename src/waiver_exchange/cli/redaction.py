"""The second line of defence of the log: takes out what looks personal or secret, should a message hold it.

The first is that nobody logs it. What comes from libraries, such as the text of an exception, is not ours to word.
"""

import re
from typing import Final

_MARK: Final = "[removed]"
_EMAIL: Final = re.compile(r"[^\s@<>\"'(),:;=&?/\[\]]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
# The query of an address on the network, and what stands before the @ of one.
_QUERY: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?\"'<>]*)\?[^\s\"'<>]+", re.IGNORECASE)
_USER_INFO: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?")
# As our keys' secrets and tokens are written. A hash in hexadecimal digits has no big letters and stays.
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{40,}"
)
_HEADER: Final = re.compile(
    r"(?i)\b(authorization|cookie|set-cookie|x-api-secret|apca-api-secret-key)(['\"]?\s*[:=]\s*)[^\r\n]+"
)


def redact(text: str) -> str:
    """Return a text without e-mail addresses, tokens, secrets, passwords in addresses and query strings."""
    text = _HEADER.sub(rf"\1\2{_MARK}", text)
    text = _QUERY.sub(rf"\1?{_MARK}", text)
    text = _USER_INFO.sub(rf"\1{_MARK}@", text)
    for pattern in (_JWT, _EMAIL, _TOKEN):
        text = pattern.sub(_MARK, text)
    return text
