"""The checks of an ID token (OpenID Connect Core 1.0, section 3.1.3.7), each of which alone refuses it."""

import hmac
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from waiver_exchange.application.sign_in_ports import ProvenLogin, ProviderAnswerError

# How far the provider's clock and ours may differ.
SKEW_SECONDS: Final = 10
# The token was made for this sign-in, a moment ago.
AGE_SECONDS_MAX: Final = 600
_SUBJECT_LENGTH_MAX: Final = 255
_TEXT_LENGTH_MAX: Final = 320


class Expected(NamedTuple):
    """What an ID token must say."""

    issuer: str
    client_id: str
    nonce: str
    now_s: int


class _AllowedAlgorithms(JWSRegistry):
    """Knows the allowed algorithms and no others, whatever a token names."""

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the library's own type is private
        if name not in (self.allowed or ()) or name not in self.algorithms:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def read_key_id(text: str) -> str | None:
    """Return which key a token says it was signed with. Raises `ProviderAnswerError`."""
    try:
        kid = jws.extract_compact(text.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        message = "the ID token cannot be read"
        raise ProviderAnswerError(message) from error
    return kid if isinstance(kid, str) else None


def check_id_token(text: str, *, keys: KeySet, algorithms: Collection[str], expected: Expected) -> ProvenLogin:
    """Return whom an ID token is about. Raises `ProviderAnswerError`."""
    kid = read_key_id(text)
    fitting = [key for key in keys.keys if kid is None or key.kid == kid]
    if len(fitting) != 1:
        message = "the ID token was not signed with a key of the provider"
        raise ProviderAnswerError(message)
    registry = _AllowedAlgorithms(algorithms=list(algorithms), strict_check_header=False)
    try:
        claims = jwt.decode(text, fitting[0], registry=registry).claims
    except (JoseError, ValueError, TypeError) as error:
        message = f"the signature of the ID token is wrong ({type(error).__name__})"
        raise ProviderAnswerError(message) from error
    wrong = _what_is_wrong(claims, expected)
    if wrong is not None:
        message = f"the ID token has a wrong {wrong}"
        raise ProviderAnswerError(message)
    return _login_of(claims)


def _what_is_wrong(claims: Mapping[str, Any], expected: Expected) -> str | None:
    """Return the name of the first claim that is not as expected, or None."""
    subject, nonce = claims.get("sub"), claims.get("nonce")
    checks = {
        "iss": claims.get("iss") == expected.issuer,
        "aud": _is_for_us(claims, expected.client_id),
        "exp": _is_number(claims.get("exp")) and claims["exp"] > expected.now_s - SKEW_SECONDS,
        "iat": _is_number(claims.get("iat"))
        and expected.now_s - AGE_SECONDS_MAX <= claims["iat"] <= expected.now_s + SKEW_SECONDS,
        "nbf": "nbf" not in claims or (_is_number(claims["nbf"]) and claims["nbf"] <= expected.now_s + SKEW_SECONDS),
        "nonce": isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), expected.nonce.encode()),
        "sub": isinstance(subject, str) and 0 < len(subject) <= _SUBJECT_LENGTH_MAX,
    }
    return next((name for name, is_right in checks.items() if not is_right), None)


def _is_for_us(claims: Mapping[str, Any], client_id: str) -> bool:
    """Return whether a token is for this client: alone, or as the one among several that it was made for."""
    audience, party = claims.get("aud"), claims.get("azp")
    if party is not None and party != client_id:
        return False
    if audience in (client_id, [client_id]):
        return True
    return isinstance(audience, list) and client_id in audience and party == client_id


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _login_of(claims: Mapping[str, Any]) -> ProvenLogin:
    return ProvenLogin(
        issuer=claims["iss"],
        subject=claims["sub"],
        display_name=_text(claims.get("name") or claims.get("preferred_username")),
        email=_text(claims.get("email")),
        is_email_verified=claims.get("email_verified") in (True, "true"),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable())[:_TEXT_LENGTH_MAX]
