"""The operator console, `/api/v1/operator`: auditors read all of it, operators change things, with a reason."""
