"""Every setting there is: the one table that reading, `waiver config` and docs/operating.md go by."""

from dataclasses import dataclass
from typing import Final

from waiver_exchange.cli import setting_values as values
from waiver_exchange.cli.setting_values import Form, duration, integer, words
from waiver_exchange.domain.limits import BPS, FEE_BPS_MAX, NANOSECONDS_PER_SECOND

PREFIX: Final = "WAIVER_"
NONE: Final = "none"
PARAMETERS_PLACE: Final = "parameters."
# A provider's settings bear its name at this place.
PROVIDER_PLACE: Final = "<NAME>"
WORKERS_MAX: Final = 64
_NS_PER_DAY: Final = 86_400 * NANOSECONDS_PER_SECOND
_PORT_MAX: Final = 65_535
_ROWS_MAX: Final = 10**12
_REQUESTS_MAX: Final = 1_000_000
_COUNT_MAX: Final = 10**18 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its variable, what it is, the form of its text, its default as text, and an example.

    `place` is where in `Settings` the value stands; empty for what is put together of several, and for secrets.
    `flag` is the option of `waiver serve` that goes before the variable. What `may_hold_secret` is not repeated in
    messages and may also come from a file, which the variable with `_FILE` at its end names; a secret is never shown.
    """

    name: str
    what: str
    form: Form
    default: str
    example: str
    place: str = ""
    flag: str = ""
    may_hold_secret: bool = False
    is_secret: bool = False

    @property
    def file_variable(self) -> str:
        """The variable that names the file of the secret; empty for what is none."""
        return f"{self.name}_FILE" if self.is_secret or self.may_hold_secret else ""

    @property
    def key(self) -> str:
        """What it is called in a configuration file."""
        return self.name.removeprefix(PREFIX).lower()


def _limit(name: str, what: str, default: str, example: str, place: str) -> Setting:
    form = integer(0, _REQUESTS_MAX)
    return Setting(name=name, what=what, form=form, default=default, example=example, place=place)


def _parameter(name: str, what: str, form: Form, default: str, example: str, *, field: str) -> Setting:
    place = PARAMETERS_PLACE + field
    return Setting(name=name, what=what, form=form, default=default, example=example, place=place)


_FIVE_TIMES: Final = "five times a key's"
SERVICE: Final = (
    Setting(
        name="WAIVER_CONFIG", what="the configuration file", form=values.PATH,
        default="/etc/waiver/waiver.toml, if it is there", example="/srv/waiver/waiver.toml", flag="--config",
    ),
    Setting(
        name="WAIVER_HOST", what="address to listen on", form=values.HOST, default="127.0.0.1", example="0.0.0.0",  # noqa: S104 - text only
        place="host", flag="--host",
    ),
    Setting(
        name="WAIVER_PORT", what="port to listen on", form=integer(0, _PORT_MAX), default="8081", example="9000",
        place="port", flag="--port",
    ),
    Setting(
        name="WAIVER_DATA_DIR", what="the directory with what the exchange keeps in files", form=values.DIRECTORY,
        default="data", example="/var/lib/waiver", place="data_dir", flag="--data-dir",
    ),
    Setting(
        name="WAIVER_WORKERS", what="gateway processes that share the port, beside one with the engine",
        form=integer(0, WORKERS_MAX), default="0", example="2", place="workers", flag="--workers",
    ),
    Setting(
        name="WAIVER_ENVIRONMENT", what="whether what is good enough for a laptop only is refused",
        form=values.ENVIRONMENT, default="development", example="production", place="is_production",
    ),
    Setting(
        name="WAIVER_DATABASE_URL", what="the PostgreSQL that keeps everything instead of files",
        form=values.DATABASE_URL, default=NONE, example="postgresql://waiver_service@db:5432/waiver",
        place="database_url", may_hold_secret=True,
    ),
    Setting(
        name="WAIVER_DATABASE_OWNER_URL", what="the same as the owner of its schema", form=values.DATABASE_URL,
        default=NONE, example="postgresql://waiver_owner@db:5432/waiver", place="database_owner_url",
        may_hold_secret=True,
    ),
    Setting(
        name="WAIVER_REDIS_URL", what="the Redis that several processes share", form=values.REDIS_URL, default=NONE,
        example="redis://redis:6379/0", place="redis_url", may_hold_secret=True,
    ),
    Setting(
        name="WAIVER_FAN_OUT", what="what the engine's news reach the gateway processes through",
        form=words("socket", "redis"), default="socket", example="redis", place="fan_out",
    ),
    Setting(
        name="WAIVER_TIME_ZONE", what="where the trading day ends", form=values.ZONE, default="America/New_York",
        example="America/Chicago", place="zone",
    ),
    Setting(
        name="WAIVER_SNAPSHOT_ROWS", what="journal rows between two snapshots", form=integer(1, _ROWS_MAX),
        default="200000", example="50000", place="snapshot_rows",
    ),
    Setting(
        name="WAIVER_CHECKPOINT_ROWS", what="journal rows between two signed checkpoints at most",
        form=integer(1, _ROWS_MAX), default="100000", example="20000", place="checkpoint_rows",
    ),
    Setting(
        name="WAIVER_CHECKPOINT_DIR", what="a directory that gets copies of the checkpoints and public keys",
        form=values.DIRECTORY, default=NONE, example="/srv/waiver/published", place="checkpoint_dir",
    ),
    _limit(
        "WAIVER_ORDERS_PER_SECOND", "orders, changes and cancels per API key and second", "100", "20",
        "limits.orders_per_second",
    ),
    _limit(
        "WAIVER_READS_PER_SECOND", "other requests per API key and second", "1000", "200", "limits.reads_per_second"
    ),
    _limit(
        "WAIVER_ACCOUNT_ORDERS_PER_SECOND", "orders, changes and cancels per account and second", _FIVE_TIMES, "200",
        "limits.account_orders_per_second",
    ),
    _limit(
        "WAIVER_ACCOUNT_READS_PER_SECOND", "other requests per account and second", _FIVE_TIMES, "2000",
        "limits.account_reads_per_second",
    ),
    _limit(
        "WAIVER_ADDRESS_REQUESTS_PER_SECOND", "requests of any kind per network address and second", "5000", "500",
        "limits.address_requests_per_second",
    ),
    _limit(
        "WAIVER_FAILED_AUTHENTICATIONS_PER_MINUTE", "wrong keys, secrets and tokens per network address and minute",
        "20", "10", "limits.failed_authentications_per_minute",
    ),
    _limit(
        "WAIVER_SIGN_INS_PER_MINUTE", "sign-ins begun per network address and minute", "10", "30",
        "limits.sign_ins_per_minute",
    ),
    _limit("WAIVER_CONNECTIONS_MAX", "WebSocket connections at all", "10000", "2000", "connection_limits.connections"),
    _limit(
        "WAIVER_ADDRESS_CONNECTIONS_MAX", "WebSocket connections of one network address", "5000", "100",
        "connection_limits.address_connections",
    ),
    _limit(
        "WAIVER_KEY_CONNECTIONS_MAX", "WebSocket connections that signed in with one API key", "500", "20",
        "connection_limits.key_connections",
    ),
    Setting(
        name="WAIVER_TRUSTED_PROXIES", what="addresses whose `X-Forwarded-For` names the client",
        form=values.ADDRESSES, default=NONE, example="127.0.0.1, 10.0.0.0/8", place="trusted_proxies",
    ),
    Setting(
        name="WAIVER_PUBLIC_URL", what="where people reach the exchange", form=values.ORIGIN,
        default="http://localhost:<port>", example="https://exchange.example.org", place="sign_in.public_url",
    ),
    Setting(
        name="WAIVER_OIDC_PROVIDERS", what="names of the OpenID Connect providers that people sign in at",
        form=values.PROVIDERS, default=NONE, example="google, league",
    ),
    Setting(
        name="WAIVER_SIGN_UP", what="who may open an account by signing in for the first time",
        form=words("open", "invitation", "domains", "closed"), default="open", example="invitation",
        place="sign_in.sign_up",
    ),
    Setting(
        name="WAIVER_SIGN_UP_DOMAINS", what="the domains of e-mail addresses that may sign up", form=values.DOMAINS,
        default=NONE, example="example.org, example.com", place="sign_in.sign_up_domains",
    ),
    Setting(
        name="WAIVER_STARTING_CASH_DOLLARS", what="what an account begins with that is opened at a first sign-in",
        form=values.CASH, default="10000", example="2500.50", place="sign_in.starting_cash_micros",
    ),
    Setting(
        name="WAIVER_FOUR_EYES", what="what a second operator has to approve", form=values.FOUR_EYES,
        default="none in development; in production what makes or moves money, shares or authority", example="all",
        place="four_eyes",
    ),
    Setting(
        name="WAIVER_SECRETS_DIR", what="the directory of the secrets", form=values.DIRECTORY,
        default="in development `secrets` in the data directory", example="/etc/waiver/secrets",
        place="secrets.directory",
    ),
    Setting(
        name="WAIVER_MASTER_KEY", what="wraps the keys that encrypt personal data", form=values.KEY, default=NONE,
        example="`waiver secrets init` makes one", is_secret=True,
    ),
    Setting(
        name="WAIVER_AUDIT_SIGNING_KEY", what="the Ed25519 seed that signs checkpoints of the journal",
        form=values.KEY, default=NONE, example="`waiver secrets init` makes one", is_secret=True,
    ),
)  # fmt: skip
# Of each provider that WAIVER_OIDC_PROVIDERS names, in upper case in the place of <NAME>.
PROVIDER: Final = (
    Setting(
        name="WAIVER_OIDC_<NAME>_ISSUER", what="the provider's issuer", form=values.ISSUER,
        default="known for `google`", example="https://id.example.org/realms/league",
    ),
    Setting(
        name="WAIVER_OIDC_<NAME>_CLIENT_ID", what="the client id that the provider gave", form=values.CLIENT_ID,
        default="must be given", example="waiver-exchange",
    ),
    Setting(
        name="WAIVER_OIDC_<NAME>_CLIENT_SECRET", what="the client secret that the provider gave", form=values.TEXT,
        default=NONE, example="as the provider gave it", is_secret=True,
    ),
    Setting(
        name="WAIVER_OIDC_<NAME>_LABEL", what="what people see on the button", form=values.TEXT,
        default="the name", example="Our League",
    ),
    Setting(
        name="WAIVER_OIDC_<NAME>_PUBLIC_CLIENT", what="whether the provider gave no client secret on purpose",
        form=values.TRUTH, default="false", example="true",
    ),
)  # fmt: skip
# One for each field of `ExchangeParameters`; unset leaves the field as the journal has it.
PARAMETERS: Final = (
    _parameter(
        "WAIVER_MAKER_FEE_BPS", "basis points of a trade's value", integer(0, FEE_BPS_MAX), "0", "5",
        field="maker_fee_bps"
    ),
    _parameter(
        "WAIVER_TAKER_FEE_BPS", "the same for the side that takes", integer(0, FEE_BPS_MAX), "0", "10",
        field="taker_fee_bps"
    ),
    _parameter(
        "WAIVER_COLLAR_BPS", "how far a market order may trade from the reference price", integer(1, BPS - 1), "500",
        "1000", field="collar_bps",
    ),
    _parameter(
        "WAIVER_BAND_BPS", "how far a limit may lie from the reference price; 0 is off", integer(0, BPS - 1), "3000",
        "2000", field="band_bps",
    ),
    _parameter(
        "WAIVER_BREAKER_BPS", "price move that halts a market; 0 is off", integer(0, 10 * BPS), "5000", "2500",
        field="breaker_bps",
    ),
    _parameter(
        "WAIVER_BREAKER_WINDOW_SECONDS", "time within which the move counts",
        duration(NANOSECONDS_PER_SECOND, "seconds"), "300", "60", field="breaker_window_ns",
    ),
    _parameter(
        "WAIVER_BREAKER_HALT_SECONDS", "how long the halt lasts; 0 is until an operator resumes",
        duration(NANOSECONDS_PER_SECOND, "seconds"), "300", "900", field="breaker_halt_ns",
    ),
    _parameter(
        "WAIVER_ORDER_VALUE_DOLLARS_MAX", "largest value of one order", values.DOLLARS, "1000000", "50000",
        field="order_value_micros_max",
    ),
    _parameter(
        "WAIVER_POSITION_SHARES_MAX", "most shares of one player that an account may come to hold; 0 is no limit",
        values.SHARES, "0", "500.5", field="position_units_max",
    ),
    _parameter(
        "WAIVER_OPEN_ORDERS_MAX", "open orders per account", integer(1, _COUNT_MAX), "10000", "200",
        field="open_orders_max"
    ),
    _parameter(
        "WAIVER_ORDERS_PER_SECOND_MAX", "orders per account and second; 0 is no limit", integer(0, _COUNT_MAX), "0",
        "50", field="orders_per_second_max",
    ),
    _parameter(
        "WAIVER_LIFETIME_DAYS_DEFAULT", "lifetime of a gtc order in days", duration(_NS_PER_DAY, "days", least_ns=1),
        "7", "1.5", field="lifetime_ns_default",
    ),
    _parameter(
        "WAIVER_LIFETIME_DAYS_MAX", "longest lifetime of an order in days", duration(_NS_PER_DAY, "days", least_ns=1),
        "30", "90", field="lifetime_ns_max",
    ),
)  # fmt: skip
# For clients of an exchange, which its server leaves alone.
CLIENT: Final = (
    Setting(
        name="WAIVER_URL", what="where the exchange is", form=values.TEXT, default="http://127.0.0.1:8081",
        example="https://exchange.example.org",
    ),
    Setting(
        name="WAIVER_API_KEY", what="the key", form=values.TEXT, default=NONE,
        example="`waiver account create` prints one",
    ),
    Setting(
        name="WAIVER_API_SECRET", what="its secret", form=values.TEXT, default=NONE,
        example="`waiver account create` prints one", is_secret=True,
    ),
)  # fmt: skip


def settings_of_provider(name: str) -> tuple[Setting, ...]:
    """Return the settings of one provider, by its name in upper case."""
    return tuple(_named(setting, name) for setting in PROVIDER)


def _named(setting: Setting, name: str) -> Setting:
    return Setting(
        name=setting.name.replace(PROVIDER_PLACE, name),
        what=setting.what,
        form=setting.form,
        default=setting.default,
        example=setting.example,
        is_secret=setting.is_secret,
    )
