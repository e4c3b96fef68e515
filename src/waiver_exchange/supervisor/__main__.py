"""`waiver serve --workers N` becomes this when the command line was read and the port is its own."""

import sys

from waiver_exchange.supervisor.plan import decode_plan
from waiver_exchange.supervisor.supervising import Supervisor

sys.exit(Supervisor(decode_plan(sys.argv[1])).run())
