"""An authenticator in software (WebAuthn level 3, P-256, no attestation), that lies as a test tells it to."""

import json
from hashlib import sha256
from secrets import token_bytes
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url, encode_cbor

_USER_PRESENT: Final = 0x01
_USER_VERIFIED: Final = 0x04
_HAS_CREDENTIAL: Final = 0x40
_ES256: Final = -7
_COORDINATE_BYTES: Final = 32

Json = dict[str, Any]


class SoftwareAuthenticator:
    """One passkey. `origin` is the page that a browser would tell; the host of the site comes from the options."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.credential_id = token_bytes(16)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.sign_count = 0
        self.counts = True
        self.verifies_user = True
        self.rp_id: str | None = None  # another host than the options name

    def create(self, options: Json) -> Json:
        """What `navigator.credentials.create` returns, as JSON."""
        data = self._data(options["rp"]["id"], flags=_HAS_CREDENTIAL)
        length = len(self.credential_id).to_bytes(2, "big")
        data += bytes(16) + length + self.credential_id + encode_cbor(self._public_key())
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential(
            {
                "clientDataJSON": bytes_to_base64url(self._client_data("webauthn.create", options)),
                "attestationObject": bytes_to_base64url(attestation),
                "transports": ["internal"],
            }
        )

    def get(self, options: Json) -> Json:
        """What `navigator.credentials.get` returns, as JSON."""
        self.sign_count += self.counts
        data = self._data(options["rpId"])
        client_data = self._client_data("webauthn.get", options)
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": bytes_to_base64url(client_data),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
            }
        )

    def _credential(self, response: Json) -> Json:
        written = bytes_to_base64url(self.credential_id)
        return {"id": written, "rawId": written, "type": "public-key", "response": response}

    def _data(self, rp_id: str, *, flags: int = 0) -> bytes:
        flags |= _USER_PRESENT | (_USER_VERIFIED if self.verifies_user else 0)
        host = sha256((self.rp_id or rp_id).encode()).digest()
        return host + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Json) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _public_key(self) -> dict[int, Any]:
        point = self.key.public_key().public_numbers()
        x, y = (part.to_bytes(_COORDINATE_BYTES, "big") for part in (point.x, point.y))
        return {1: 2, 3: _ES256, -1: 1, -2: x, -3: y}
