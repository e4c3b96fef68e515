-- Version 1. Files from before versions were counted have these tables already.
-- Who is behind an account. Nothing of this is in the journal, which knows accounts by number only.
CREATE TABLE IF NOT EXISTS accounts (
    account INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    -- The journal's time: an account of the same number in another journal is another account.
    opened_at_ns INTEGER NOT NULL
);

-- Of a secret only its SHA-256 is kept: it is random and 256 bits long.
CREATE TABLE IF NOT EXISTS api_keys (
    key_id TEXT PRIMARY KEY,
    account INTEGER NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at_ns INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS api_keys_by_account ON api_keys (account);
