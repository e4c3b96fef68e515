"""Write the account's statement, every change of its cash and shares, to a CSV file, and sum up what it holds.

Usage: WAIVER_API_KEY=... WAIVER_API_SECRET=... python examples/export_statement.py statement.csv [--start TIME]
WAIVER_URL says where the exchange is; without it http://127.0.0.1:8081.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from waiver_exchange.client import Client, ClientError


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", help="only from this time on, with zone")
    parser.add_argument("--end", help="only before this time, with zone")
    parser.add_argument("--seconds", type=float, default=300, help="give up after so long (default: %(default)s)")
    return parser.parse_args()


def main() -> int:
    """Run the example."""
    given = arguments()
    deadline = time.monotonic() + given.seconds
    client = Client(
        os.environ.get("WAIVER_URL", "http://127.0.0.1:8081"),
        api_key=os.environ["WAIVER_API_KEY"],
        api_secret=os.environ["WAIVER_API_SECRET"],
    )
    unfinished = given.file.with_name(given.file.name + ".part")
    with client:
        with unfinished.open("wb") as file:
            for piece in client.ledger_csv(start=given.start, end=given.end, direction="asc"):
                file.write(piece)
                if time.monotonic() > deadline:
                    print(f"not done within {given.seconds} seconds; what there is stands in {unfinished}")
                    return 1
        unfinished.replace(given.file)  # a statement is whole or not there
        account = client.account()
        print(f"wrote {given.file}: cash {account.cash}, equity {account.equity}")
        for position in client.positions():
            print(f"{position.symbol}: {position.quantity} shares, {position.unrealized_profit:+} dollars")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set; see --help")
    except ClientError as error:
        sys.exit(str(error))
