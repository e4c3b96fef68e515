"""The methods about who gets in: invitations, and the key that signs access tokens."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.invitations import invite, revoke_invitation
from waiver_exchange.application.operating.perform import checked_reason
from waiver_exchange.application.signing_keys import rotate_signing_key
from waiver_exchange.gateway.control.params import Reasoned, parse_account
from waiver_exchange.gateway.control.protocol import Result


class InviteParams(Reasoned, frozen=True, kw_only=True):
    """How many invitations, for how many days they are good, and to which account that is there already."""

    count: int = 1
    days: int = 7
    account: str = ""


class RevocationParams(Reasoned, frozen=True, kw_only=True):
    """The code of an invitation that is taken back, and why."""

    code: str


class RotationParams(Reasoned, frozen=True, kw_only=True):
    """Whether all tokens that were given before end."""

    at_once: bool = False


async def make_invitations(exchange: Exchange, params: InviteParams) -> Result:
    """Make invitations; their codes are shown this once."""
    reason = checked_reason(params.reason)
    account = parse_account(params.account) if params.account else 0
    codes = await invite(exchange, count=params.count, days=params.days, reason=reason, account=account)
    return {"codes": codes, "days": params.days}


async def take_invitation_back(exchange: Exchange, params: RevocationParams) -> Result:
    """Take an invitation back that nobody used."""
    ended = await revoke_invitation(exchange, code=params.code, reason=checked_reason(params.reason))
    return {"invitation": ended.invitation_id}


async def rotate_token_key(exchange: Exchange, params: RotationParams) -> Result:
    """Sign access tokens with a new key."""
    reason = checked_reason(params.reason)
    return {"kid": await rotate_signing_key(exchange, at_once=params.at_once, reason=reason)}
