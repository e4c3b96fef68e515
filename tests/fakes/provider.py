"""A provider that vouches for whoever a test says, without a network."""

from urllib.parse import urlencode

from waiver_exchange.application.sign_in_ports import ProvenLogin, Provider

ISSUER = "https://id.example"


class FakeProvider(Provider):
    def __init__(self, name: str = "league") -> None:
        self._name = name
        self.login = ProvenLogin(ISSUER, "ann", "Ann", "ann@example.org", is_email_verified=True)
        self.failure: Exception | None = None
        self.asked: list[dict[str, str | None]] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def label(self) -> str:
        return self._name.capitalize()

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        del nonce, verifier
        if self.failure is not None:
            raise self.failure
        return f"{ISSUER}/authorize?{urlencode({'redirect_uri': redirect_uri, 'state': state})}"

    async def identify(
        self, *, code: str, said_issuer: str | None, redirect_uri: str, nonce: str, verifier: str
    ) -> ProvenLogin:
        if self.failure is not None:
            raise self.failure
        asked = {"code": code, "issuer": said_issuer, "redirect_uri": redirect_uri, "nonce": nonce}
        self.asked.append(asked | {"verifier": verifier})
        return self.login

    async def close(self) -> None:
        pass
