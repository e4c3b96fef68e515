"""What `waiver serve` runs: everything in one process, or the engine and the gateways that a supervisor starts.

`exchange` runs the exchange with its control socket, `web` serves HTTP and WebSocket connections; the roles put them
together: `one_process`, `engine` and `gateway`. `supervised` turns the command line into the supervisor and tells the
roles what they are handed.
"""
