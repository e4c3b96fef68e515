"""An OpenID provider that lies as a test tells it to, for what the certified one never does.

It lets everybody in at once as `user`. What it says is honest until a test changes `claims`, `header`, `key` or
`issuer_said`; `fresh()` makes it honest again.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

TOKEN_SECONDS: Final = 600
_BITS: Final = 2048


def encoded(part: bytes) -> str:
    """Return bytes in the alphabet of tokens."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class CrookedProvider:
    """What the provider will say next; shared between the test and the provider's threads."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(_BITS, {"kid": "published", "use": "sig", "alg": "RS256"})
        self.asked: list[Mapping[str, str]] = []
        self.codes: dict[str, Mapping[str, str]] = {}
        self.fresh()

    def fresh(self) -> None:
        """Be honest again."""
        self.user = "crook"
        self.claims: dict[str, Any] = {}  # replaces claims of the ID token; None leaves one out
        self.header: dict[str, str] = {}  # replaces fields of the ID token's header; alg none leaves the signature out
        self.signing_key = self.key
        self.issuer_said: str | None = self.issuer  # the parameter `iss` of the answer (RFC 9207); None leaves it out
        self.authorization_url: str | None = None  # send the browser there instead of answering
        self.state: str | None = None  # answer with this state instead of the one that was asked with

    def location_for(self, query: Mapping[str, str]) -> str:
        """Return where the browser goes from the authorization endpoint."""
        self.asked.append(query)
        if self.authorization_url is not None:
            return self.authorization_url
        code = f"code-{len(self.asked)}"
        self.codes[code] = query
        answer = {"code": code, "state": self.state or query.get("state", "")}
        if self.issuer_said is not None:
            answer["iss"] = self.issuer_said
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def id_token(self, code: str) -> str:
        """Return the ID token for a code, bent as the test wants it."""
        query = self.codes[code]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.user,
            "aud": query["client_id"],
            "exp": now + TOKEN_SECONDS,
            "iat": now,
            "nonce": query.get("nonce"),
            "name": f"Full name of {self.user}",
            "email": f"{self.user}@example.test",
            "email_verified": True,
        } | self.claims
        payload = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
        header = {"alg": "RS256", "kid": "published", "typ": "JWT"} | self.header
        if header["alg"] == "none":
            return f"{encoded(json.dumps(header).encode())}.{encoded(payload)}."
        if header["alg"].startswith("HS"):
            return self._signed_with_the_public_key(header, payload)
        return jws.serialize_compact(header, payload, self.signing_key)

    def _signed_with_the_public_key(self, header: Mapping[str, str], payload: bytes) -> str:
        """Return a token whose "secret" everybody knows: for those who let the token name its algorithm."""
        signed = f"{encoded(json.dumps(header).encode())}.{encoded(payload)}"
        digest = hmac.new(self.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{encoded(digest)}"

    def document(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }


class _Handler(BaseHTTPRequestHandler):
    provider: CrookedProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self._answer(self.provider.document())
        elif parts.path == "/jwks":
            self._answer({"keys": [self.provider.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.location_for(dict(parse_qsl(parts.query))))
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        id_token = self.provider.id_token(form["code"])
        self._answer({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": id_token})

    def _answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving_crooked_provider() -> Iterator[CrookedProvider]:
    """Run the provider for the block, in threads of this process."""

    class Handler(_Handler):
        """The handler of this provider alone."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = CrookedProvider(f"http://127.0.0.1:{server.server_address[1]}")
        Handler.provider = provider
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
