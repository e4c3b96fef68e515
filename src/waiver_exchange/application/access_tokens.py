"""Access tokens: JWTs that stand for a key or a session for an hour and prove themselves (RFC 7519, 8037, 9068).

The keys that sign them are kept, so that a restart ends no token. A new key takes over every 30 days; the public half
of the one before stays known until the last token that it signed has expired.
"""

import base64
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.registry import Header

from waiver_exchange.application.identity_ports import SigningKey, SigningKeyStore
from waiver_exchange.application.ports import Clock
from waiver_exchange.domain.ids import IdKind, from_uuid, to_text
from waiver_exchange.domain.limits import NANOSECONDS_PER_SECOND

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
TOKEN_SECONDS: Final = 3_600
ROTATION_SECONDS: Final = 30 * 86_400
READ_MAX: Final = 10_000
# A clock that was set back a little is no reason to refuse a token of a moment ago.
_SKEW_SECONDS: Final = 5
_SECOND: Final = NANOSECONDS_PER_SECOND
_LENGTH_MAX: Final = 2_048
_SEED_BYTES: Final = 32
_ID_BYTES: Final = 12


class Claim(NamedTuple):
    """What a token says: the account, the key or session that it stands for, what was granted, and until when."""

    account: int
    key_id: str
    session_id: str
    scopes: frozenset[str]
    expires_at_ns: int


class Token(NamedTuple):
    """A new token, shown this once, and the UNIX time in nanoseconds until which it is good."""

    text: str
    expires_at_ns: int


class _OneAlgorithm(JWSRegistry):
    """Knows one algorithm, whatever a token names."""

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the library's own type is private
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[ALGORITHM]


_REGISTRY: Final = _OneAlgorithm(algorithms=[ALGORITHM])


@final
class AccessTokens:
    """Signs access tokens and reads them; what was read before is known by its SHA-256."""

    def __init__(
        self, *, store: SigningKeyStore, clock: Clock, draw_bytes: Callable[[int], bytes], public_url: str
    ) -> None:
        """Take the store of the keys; `prepare` comes before the first token.

        `public_url` is who gives the tokens, and whom they are for.
        """
        self.public_url = public_url
        self._store = store
        self._clock = clock
        self._draw_bytes = draw_bytes
        self._keys: dict[str, OKPKey] = {}
        self._retired_at: dict[str, int] = {}
        self._signing: OKPKey | None = None
        self._read: OrderedDict[bytes, Claim] = OrderedDict()

    async def prepare(self) -> None:
        """See that there is a key that signs. Raises `IdentityError`."""
        if all(key.retired_at_ns for key in self._store.list_signing_keys()):
            await self.rotate()
        self._load()

    def reload(self) -> None:
        """Take over the store's keys as they are now, where another process looks after them."""
        self._load()

    async def rotate_if_due(self) -> str | None:
        """Let a new key take over from one that is too old, and forget those whose tokens have expired.

        Returns the new key's id, or None. Raises `IdentityError`.
        """
        now_ns = self._clock.now_ns()
        for key in self._store.list_signing_keys():
            if key.retired_at_ns and now_ns >= key.retired_at_ns + (TOKEN_SECONDS + _SKEW_SECONDS) * _SECOND:
                await self._store.forget_signing_key(key.kid)
        *leftover, newest = [key for key in self._store.list_signing_keys() if not key.retired_at_ns]
        for key in leftover:
            await self._store.retire_signing_key(key.kid, at_ns=now_ns)
        if now_ns >= newest.created_at_ns + ROTATION_SECONDS * _SECOND:
            return await self.rotate()
        self._load()
        return None

    async def rotate(self, *, at_once: bool = False) -> str:
        """Let a new key take over and return its id; `at_once` ends all tokens that older keys signed.

        Raises `IdentityError`.
        """
        now_ns = self._clock.now_ns()
        before = self._store.list_signing_keys()
        kid = self._draw_bytes(_ID_BYTES).hex()
        new = SigningKey(kid=kid, algorithm=ALGORITHM, private_key=self._draw_bytes(_SEED_BYTES), created_at_ns=now_ns)
        await self._store.add_signing_key(new)
        for key in before:
            if at_once:
                await self._store.forget_signing_key(key.kid)
            else:
                await self._store.retire_signing_key(key.kid, at_ns=now_ns)
        self._load()
        return kid

    def sign(
        self,
        *,
        account: int,
        scopes: frozenset[str],
        key_id: str = "",
        session_id: str = "",
        expires_at_ns: int = 0,
    ) -> Token:
        """Return a token for a key or a session, good for an hour, or until `expires_at_ns` when that is sooner."""
        key = self._signing
        if key is None:
            message = "access tokens are not prepared"
            raise RuntimeError(message)
        issued_at = self._clock.now_ns() // _SECOND
        expires_at = issued_at + TOKEN_SECONDS
        if expires_at_ns:
            expires_at = min(expires_at, expires_at_ns // _SECOND)
        claims = {
            "iss": self.public_url,
            "aud": self.public_url,
            "sub": to_text(IdKind.account, account),
            "iat": issued_at,
            "exp": expires_at,
            "jti": self._draw_bytes(_ID_BYTES).hex(),
            "scope": " ".join(sorted(scopes)),
        } | ({"sid": session_id} if session_id else {"client_id": key_id})
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
        token = Token(text=jwt.encode(header, claims, key, registry=_REGISTRY), expires_at_ns=expires_at * _SECOND)
        # Whoever is given a token uses it: known from the start, no signature has to be checked for him.
        self._remember(_digest(token.text), Claim(account, key_id, session_id, scopes, token.expires_at_ns))
        return token

    def read(self, text: str) -> Claim | None:
        """Return what a token says, or None when it is none of ours or not good now.

        Whether its key or session still is, is the caller's to see.
        """
        known = self.recall(text)
        if known is not None:
            return known
        claim = self._verified(text)
        if claim is not None:
            self._remember(_digest(text), claim)
        return claim

    def recall(self, text: str) -> Claim | None:
        """Return what a token says that was given or read here before and is good now; no signature is checked."""
        digest = _digest(text)
        claim = self._read.get(digest)
        if claim is None or self._clock.now_ns() >= claim.expires_at_ns:
            return None
        self._read.move_to_end(digest)
        return claim

    def peek(self, text: str) -> Claim | None:
        """Return what a token says that may be ours and good now, or None; nothing is proven by it.

        It costs a tenth of checking the signature.
        """
        header, _, rest = text.partition(".")
        claims, _, signature = rest.partition(".")
        if not header or not signature or len(text) > _LENGTH_MAX or not text.isascii():
            return None
        try:
            said = _decode(header)
            return self._claim_of(said, _decode(claims)) if said["kid"] in self._keys else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def public_keys(self) -> list[dict[str, str]]:
        """Return the public halves of the keys whose tokens may be good, as JSON Web Keys."""
        return [
            {name: str(value) for name, value in key.as_dict(private=False).items()} | {"alg": ALGORITHM, "use": "sig"}
            for key in self._keys.values()
        ]

    def _remember(self, digest: bytes, claim: Claim) -> None:
        self._read[digest] = claim
        if len(self._read) > READ_MAX:
            self._read.popitem(last=False)

    def _load(self) -> None:
        kept = self._store.list_signing_keys()
        if (
            self._signing is not None
            and {key.kid for key in kept} == set(self._keys)
            and self._retired_at == {key.kid: key.retired_at_ns // _SECOND for key in kept if key.retired_at_ns}
        ):
            return
        self._keys = {key.kid: _jwk_of(key) for key in kept}
        self._retired_at = {key.kid: key.retired_at_ns // _SECOND for key in kept if key.retired_at_ns}
        self._signing = self._keys[next(key.kid for key in reversed(kept) if not key.retired_at_ns)]
        # What was read with a key that is gone is good no more.
        self._read.clear()

    def _verified(self, text: str) -> Claim | None:
        if len(text) > _LENGTH_MAX or not text.isascii():
            return None
        try:
            token = jwt.decode(text, self._key_of, registry=_REGISTRY)
            return self._claim_of(token.header, token.claims)
        except (JoseError, ValueError, KeyError, TypeError):
            # Whatever is wrong with it: nobody is told what.
            return None

    def _key_of(self, token: Any) -> OKPKey:  # noqa: ANN401 - the library's own type is private
        return self._keys[token.headers()["kid"]]

    def _claim_of(self, header: Header, claims: Mapping[str, Any]) -> Claim | None:
        now = self._clock.now_ns() // _SECOND
        issued_at, expires_at = claims["iat"], claims["exp"]
        not_before = claims.get("nbf", issued_at)
        times = (issued_at, expires_at, not_before)
        if any(type(time) is not int for time in times):
            return None
        is_now = max(issued_at, not_before) <= now + _SKEW_SECONDS and now < expires_at <= issued_at + TOKEN_SECONDS
        is_ours = claims["iss"] == self.public_url == claims["aud"] and header.get("typ") == TYPE
        if issued_at > self._retired_at.get(header["kid"], now) + _SKEW_SECONDS:
            return None
        account = from_uuid(IdKind.account, claims["sub"])
        key_id, session_id = claims.get("client_id", ""), claims.get("sid", "")
        if account is None or not is_ours or not is_now or bool(key_id) == bool(session_id):
            return None
        return Claim(
            account=account,
            key_id=str(key_id),
            session_id=str(session_id),
            scopes=frozenset(claims["scope"].split()),
            expires_at_ns=expires_at * _SECOND,
        )


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "replace")).digest()


def _decode(part: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _jwk_of(key: SigningKey) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(key.private_key), {"kid": key.kid})
