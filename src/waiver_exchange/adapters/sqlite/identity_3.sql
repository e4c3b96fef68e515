-- Version 3: people who sign in, and what is personal is sealed (adapters/encryption). The names of version 2 are in
-- accounts_2 until the program has sealed them, in the same transaction.
-- No data key is given a number twice: each sealed value carries the number of its key.
CREATE TABLE data_keys (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('data', 'index')),
    wrapped BLOB NOT NULL,
    created_at_ns INTEGER NOT NULL
);

ALTER TABLE accounts RENAME TO accounts_2;

CREATE TABLE accounts (
    account INTEGER PRIMARY KEY,
    name BLOB, -- sealed; NULL when the person behind it was erased
    opened_at_ns INTEGER NOT NULL
);

CREATE TABLE people (
    person_id TEXT PRIMARY KEY,
    account INTEGER UNIQUE, -- NULL until there is one
    display_name BLOB NOT NULL, -- sealed
    email BLOB NOT NULL, -- sealed
    created_at_ns INTEGER NOT NULL
);

-- login_index is a keyed hash of issuer and subject, by which a login is found.
CREATE TABLE logins (
    login_index BLOB PRIMARY KEY,
    person_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    issuer BLOB NOT NULL, -- sealed
    subject BLOB NOT NULL, -- sealed
    created_at_ns INTEGER NOT NULL
);

CREATE INDEX logins_by_person ON logins (person_id);

CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    account INTEGER NOT NULL,
    provider TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL,
    last_used_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    revoked_at_ns INTEGER NOT NULL,
    stepped_up_at_ns INTEGER NOT NULL,
    device BLOB NOT NULL, -- sealed
    address BLOB NOT NULL -- sealed
);

CREATE INDEX sessions_by_person ON sessions (person_id);

-- Used tokens stay, so that one that comes back is recognized.
CREATE TABLE refresh_tokens (
    token_hash BLOB PRIMARY KEY,
    session_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    used_at_ns INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE passkeys (
    credential_id BLOB PRIMARY KEY,
    person_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    name BLOB NOT NULL, -- sealed
    transports TEXT NOT NULL,
    is_backed_up INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    last_used_at_ns INTEGER NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_key BLOB NOT NULL, -- sealed
    created_at_ns INTEGER NOT NULL,
    retired_at_ns INTEGER NOT NULL
);

CREATE TABLE invitations (
    invitation_id TEXT PRIMARY KEY,
    code_hash BLOB NOT NULL UNIQUE,
    made_by INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    used_at_ns INTEGER NOT NULL,
    used_by TEXT NOT NULL,
    revoked_at_ns INTEGER NOT NULL
);

CREATE TABLE notes (
    note_id TEXT PRIMARY KEY,
    account INTEGER NOT NULL,
    author INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    text BLOB NOT NULL -- sealed
);

CREATE INDEX notes_by_account ON notes (account);

-- Accounts whose person is being erased, or was: what a crash cut short is gone on with.
CREATE TABLE erasures (
    account INTEGER PRIMARY KEY,
    person_id TEXT NOT NULL,
    started_at_ns INTEGER NOT NULL,
    finished_at_ns INTEGER NOT NULL
);

-- Limits of all keys and sessions of an account together, beside those of each.
ALTER TABLE account_rates ADD COLUMN account_orders_per_second INTEGER;
ALTER TABLE account_rates ADD COLUMN account_reads_per_second INTEGER;
