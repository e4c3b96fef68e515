"""The log of the server: one JSON object per line on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from waiver_exchange.cli.redaction import redact

# At level INFO these write down every request that they make, with its address.
_TALKATIVE: Final = ("uvicorn", "httpx", "httpcore", "authlib")


class JsonFormatter(logging.Formatter):
    """Time, level, logger and message, and the traceback where there is one; without what looks secret or personal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        time = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure_logging() -> None:
    """Send everything from level INFO on to standard error; of libraries only what went wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
