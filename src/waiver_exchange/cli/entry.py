"""`main`: the boundary where everything that can happen becomes an exit code and a sentence."""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from waiver_exchange import __version__
from waiver_exchange.cli.audit import audit
from waiver_exchange.cli.config import config
from waiver_exchange.cli.correct import correct, kill_switch, trade
from waiver_exchange.cli.decide import actions, proposals
from waiver_exchange.cli.failures import EXIT_FAILED, EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE, CommandFailedError
from waiver_exchange.cli.maintain import demo_reset, snapshot, verify
from waiver_exchange.cli.mcp import mcp
from waiver_exchange.cli.migrate import migrate
from waiver_exchange.cli.operate import account, cash, market, shares, status
from waiver_exchange.cli.output import print_failure
from waiver_exchange.cli.protect import account_erase, account_export, secrets_group
from waiver_exchange.cli.serve import serve, serve_engine, serve_gateway
from waiver_exchange.cli.signing_in import account_invite, account_revoke_invitation, secrets_rotate_signing_key
from waiver_exchange.cli.transfer import transfer


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="waiver")
def waiver() -> None:
    """Waiver Exchange: shares of NFL players in one order book per player.

    Commands work whether or not the server is running. Exit codes: 0 done, 1 refused or failed, 2 wrong command line or
    setting, 3 data directory in use or not to be opened, 70 internal error.
    """


_COMMANDS = (
    serve,
    serve_engine,
    serve_gateway,
    account,
    market,
    shares,
    cash,
    correct,
    trade,
    kill_switch,
    actions,
    proposals,
    status,
    verify,
    audit,
    snapshot,
    migrate,
    transfer,
    secrets_group,
    demo_reset,
    config,
    mcp,
)
for _command in _COMMANDS:
    waiver.add_command(_command)

for _command in (account_export, account_erase, account_invite, account_revoke_invitation):
    account.add_command(_command)
secrets_group.add_command(secrets_rotate_signing_key)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        outcome = waiver.main(args=given, prog_name="waiver", standalone_mode=False)
    except CommandFailedError as failure:
        print_failure(failure, as_json=as_json)
        return failure.exit_code
    except click.ClickException as error:
        return _report_usage(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away; without this Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the last boundary: an error of the program becomes exit code 70
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}. This is a fault of the program; please report what stands above."
        print_failure(
            CommandFailedError(code="internal_error", message=message, exit_code=EXIT_INTERNAL), as_json=as_json
        )
        return EXIT_INTERNAL
    return outcome if isinstance(outcome, int) else 0


def _report_usage(error: click.ClickException, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help(), err=True)
        return EXIT_USAGE
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" Try `{context.command_path} --help`." if context else ""
    print_failure(CommandFailedError(code="usage", message=message + hint, exit_code=EXIT_USAGE), as_json=as_json)
    return EXIT_USAGE
