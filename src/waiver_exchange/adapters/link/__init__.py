"""The link between the engine's process and the gateway processes of one service, over a unix socket.

The engine's side (`server`) sends every gateway what it needs to answer reads as the engine itself would: each
committed row, each change of who may do what, and up to which row history is stored. The gateway's side (`client`,
`replica`) folds them into a read model of its own, hands commands over (`remote_sequencer`) and answers when their rows
are folded. `head` is how a gateway knows, without asking, that nothing was answered anywhere that it has not seen.
"""
