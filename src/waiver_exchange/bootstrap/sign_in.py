"""The providers that people sign in at, and the rules by which they come in."""

from waiver_exchange.adapters.oidc.provider import OidcProvider
from waiver_exchange.adapters.secrets.errors import SecretsError
from waiver_exchange.adapters.secrets.store import Secrets
from waiver_exchange.application.ports import Clock
from waiver_exchange.application.sign_in_ports import SignInParts, SignUp, SignUpRules
from waiver_exchange.config import OidcProviderSettings, Settings


def public_url_of(settings: Settings) -> str:
    """Return where people reach the exchange, without a slash at the end."""
    return settings.sign_in.public_url or f"http://localhost:{settings.port}"


def build_sign_in(settings: Settings, kept_secrets: Secrets, *, clock: Clock, public_url: str) -> SignInParts:
    """Return the providers and rules. Raises `SecretsError`."""
    chosen = settings.sign_in
    providers = {
        provider.name: OidcProvider(
            provider, client_secret=client_secret_of(settings, provider, kept_secrets), clock=clock
        )
        for provider in chosen.providers
    }
    # Without a chosen address it is this machine's own, by whatever name.
    names = () if chosen.public_url else ("127.0.0.1", "[::1]")
    return SignInParts(
        public_url=public_url,
        origins=frozenset((public_url, *(f"http://{name}:{settings.port}" for name in names))),
        rules=SignUpRules(
            mode=SignUp(chosen.sign_up),
            domains=frozenset(chosen.sign_up_domains),
            starting_cash_micros=chosen.starting_cash_micros,
        ),
        is_demo=settings.is_demo,
        providers=providers,
    )


def client_secret_of(settings: Settings, provider: OidcProviderSettings, kept_secrets: Secrets) -> str | None:
    """Return a provider's client secret, None for a public client. Raises `SecretsError`."""
    if provider.is_public_client:
        return None
    name = f"oidc_{provider.name}_client_secret"
    found = kept_secrets.read(name)
    if found is None and settings.is_production:
        variable = f"WAIVER_OIDC_{provider.name.upper()}"
        raise SecretsError(
            f"The secret {name} is missing: set {variable}_CLIENT_SECRET_FILE, or {variable}_PUBLIC_CLIENT=true when "
            "the provider gave none."
        )
    return found
