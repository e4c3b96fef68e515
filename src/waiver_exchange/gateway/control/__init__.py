"""The operator's door to a running exchange: a unix socket in the data directory that only its owner may open.

One JSON object per line, `{"method", "params"}`, is answered by one line: `{"result"}`, or `{"error": {"code",
"message", "details"}}`. What the methods do stands once, in `methods`; without a server the command line runs the same
table on an exchange that it opens itself. Imports application, projections and domain only.
"""
