"""Corrections, busted trades and settlements as an operator gives them, and as none should."""

from random import Random

from tests.model.view import MarketView
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import BustTrade, Command, CorrectCash, CorrectShares, DepositCash, SettleMarket

# These markets stay, or there would be nothing left to trade in.
_LASTING_MARKETS = 2


class CorrectionFlow:
    """Draws the operator's balancing entries from what the view knows."""

    def __init__(self, random: Random, view: MarketView) -> None:
        self._random = random
        self._view = view

    def fund_house(self) -> Command:
        """Cash for the house, of which most corrections and the fees of busted trades are paid."""
        return DepositCash(account=codes.HOUSE_ACCOUNT, amount_micros=self._random.randint(1, 10**12), reference="")

    def correct_cash(self) -> Command:
        account = self._account()
        giver = self._random.choice((codes.HOUSE_ACCOUNT, account))
        amount = self._part_of(self._view.cash[giver])
        return CorrectCash(
            account=account,
            amount_micros=amount if giver == codes.HOUSE_ACCOUNT else -amount,
            reference="r" * self._random.randrange(12),
        )

    def correct_shares(self) -> Command:
        account, market = self._account(), self._random.randint(1, max(1, len(self._view.supplies)))
        giver = self._random.choice((codes.HOUSE_ACCOUNT, account))
        units = self._part_of(self._view.shares_available(giver, market))
        return CorrectShares(
            account=account,
            market=market,
            quantity_units=units if giver == codes.HOUSE_ACCOUNT else -units,
            reference="r" * self._random.randrange(12),
        )

    def bust_trade(self) -> Command:
        """Mostly a trade as it was; the exchange itself sees to it that none is busted twice."""
        random, trades = self._random, self._view.trades
        if not trades:
            return self.fund_house()
        # The newest more often: what they moved is still there.
        trade = trades.pop(len(trades) - 1 - min(random.randrange(len(trades)), random.randrange(len(trades))))
        fees = (trade.taker_fee_micros, trade.maker_fee_micros)
        parties = (trade.taker_account, trade.maker_account)
        is_buy = trade.taker_side == codes.BUY
        is_wrong = random.random() < 0.03
        return BustTrade(
            trade_id=trade.trade_id,
            market=trade.market,
            price_cents=trade.price_cents,
            quantity_units=trade.quantity_units,
            buyer=parties[0] if is_buy else parties[1],
            seller=parties[1] if is_buy or is_wrong else parties[0],
            buyer_fee_micros=fees[0] if is_buy else fees[1],
            seller_fee_micros=fees[1] if is_buy else fees[0],
        )

    def settle_market(self) -> Command:
        """Settle one of the later markets, which others take the place of."""
        random, count = self._random, len(self._view.supplies)
        if count <= _LASTING_MARKETS:
            return self.fund_house()
        market = random.randint(_LASTING_MARKETS + 1, count)
        price = self._view.references.get(market, 0)
        return SettleMarket(market=market, price_cents=random.choice((0, 1, price, 2 * price, 1_048_574, 1_048_575)))

    def _account(self) -> int:
        return self._random.randint(1, self._view.accounts)

    def _part_of(self, available: int) -> int:
        """Some of it, all of it, or one more; at times nothing."""
        chance = self._random.random()
        if chance < 0.1:
            return available + self._random.choice((0, 1))
        return 0 if chance < 0.13 else max(1, available // self._random.choice((2, 10, 100)))
