-- The journal, version 1: one row per command, written once and never changed.
--
-- sequence  1, 2, 3, ... without gaps
-- time_ns   UNIX nanoseconds; equal to word 1 of the command
-- account   who asked, 0 for the operator; equal to word 2 of the command
-- key       16-byte digest of the command's own id; NULL for a command without one
-- command   little-endian 64-bit words and a tail of text: see domain/codes.py
-- events    what came of it, in the same words
-- chain     SHA-256 over the previous chain, the sequence, key, command and events: see application/chain.py
--
-- The checks on types are those of a STRICT table, which SQLite has only since 3.37; measured, they cost nothing.

CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    time_ns INTEGER NOT NULL CHECK (typeof(time_ns) = 'integer'),
    account INTEGER NOT NULL CHECK (typeof(account) = 'integer'),
    key BLOB CHECK (key IS NULL OR (typeof(key) = 'blob' AND length(key) = 16)),
    command BLOB NOT NULL CHECK (typeof(command) = 'blob'),
    events BLOB NOT NULL CHECK (typeof(events) = 'blob'),
    chain BLOB NOT NULL CHECK (typeof(chain) = 'blob' AND length(chain) = 32)
);

-- Finds what came of a repeated command, and refuses a second row with the same key whatever the program does.
CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL;

CREATE TRIGGER journal_refuses_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only: a row is never changed');
END;

CREATE TRIGGER journal_refuses_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only: a row is never removed');
END;

-- Empty. A blob is put here and removed again to see whether the disk takes a batch; its pages then wait for one.
CREATE TABLE journal_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    content BLOB NOT NULL
);

PRAGMA application_id = 0x57584A4C; -- "WXJL"
PRAGMA user_version = 1;
