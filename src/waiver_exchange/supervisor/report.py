"""What the supervisor says: log lines in the form of all others of the service, and the one line that it serves."""

import json
import os
import sys
import time
from typing import Any

from waiver_exchange.supervisor.children import ERROR
from waiver_exchange.supervisor.plan import Plan


def log(level: str, message: str) -> None:
    """Write a line to the log."""
    seconds = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    line = {
        "time": f"{stamp}.{int(seconds % 1 * 1_000):03}Z",
        "level": level,
        "logger": "waiver_exchange.supervisor",
        "message": message,
    }
    sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def announce(plan: Plan, engine_said: dict[str, Any]) -> None:
    """Say on standard output where the service is."""
    is_compiled = engine_said.get("is_engine_compiled")
    if plan.as_json:
        said = {
            "url": plan.url,
            "pid": os.getpid(),
            "is_engine_compiled": is_compiled,
            "workers": plan.gateways,
        }
        print(json.dumps(said), flush=True)
        return
    print(f"engine: {'compiled' if is_compiled else 'running uncompiled, some 50 times slower'}")
    print(f"gateways: {plan.gateways}")
    print(f"Waiver Exchange: {plan.url}  (data directory {plan.data_dir}; Ctrl-C stops it)", flush=True)


def report_failure(plan: Plan, said: dict[str, Any]) -> None:
    """Say on standard output why the service cannot start, as every command does; people have read it in the log."""
    if plan.as_json and ERROR in said:
        print(json.dumps({ERROR: said[ERROR]}), flush=True)


def describe_end(code: int) -> str:
    """Return how a process ended, of its exit code or the negative number of the signal that ended it."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
