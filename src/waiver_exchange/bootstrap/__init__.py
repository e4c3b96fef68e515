"""The only package that builds and wires objects: `backend` the stores, `exchange` what runs on them.

`sign_in` builds the providers, `counting` what requests are counted in, `processes` runs this program beside itself,
and `offline` goes through what an exchange wrote, also while it runs.
"""

from waiver_exchange.bootstrap.counting import request_counts
from waiver_exchange.bootstrap.exchange import open_exchange, running_exchange
from waiver_exchange.bootstrap.follower import Following, open_follower, running_follower
from waiver_exchange.bootstrap.offline import (
    check_data_directory,
    checkpoint_data_directory,
    checkpoint_store,
    export_data_directory,
    snapshot_data_directory,
    verify_data_directory,
)
from waiver_exchange.bootstrap.processes import CheckpointFailedError
from waiver_exchange.bootstrap.sign_in import public_url_of

__all__ = [
    "CheckpointFailedError",
    "Following",
    "check_data_directory",
    "checkpoint_data_directory",
    "checkpoint_store",
    "export_data_directory",
    "open_exchange",
    "open_follower",
    "public_url_of",
    "request_counts",
    "running_exchange",
    "running_follower",
    "snapshot_data_directory",
    "verify_data_directory",
]
