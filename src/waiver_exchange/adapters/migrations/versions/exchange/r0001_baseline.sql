-- The journal: one row per command, written once and never changed.
--
-- sequence  1, 2, 3, ... without gaps
-- time_ns   UNIX nanoseconds; equal to word 1 of the command
-- account   who asked, 0 for the operator; equal to word 2 of the command
-- key       16-byte digest of the command's own id; NULL for a command without one
-- command   little-endian 64-bit words and a tail of text: see domain/codes.py
-- events    what came of it, in the same words
-- chain     SHA-256 over the previous chain, the sequence, key, command and events: see application/chain.py
CREATE TABLE journal (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    time_ns bigint NOT NULL,
    account bigint NOT NULL,
    key bytea CHECK (octet_length(key) = 16),
    command bytea NOT NULL,
    events bytea NOT NULL,
    chain bytea NOT NULL CHECK (octet_length(chain) = 32)
);

-- Finds what came of a repeated command, and refuses a second row with the same key whatever the program does.
CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL;

-- The service role may not do this in any case; this is for who owns the table and makes a mistake.
CREATE FUNCTION refuse_change_of_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: a row is never changed or removed';
END
$$;

CREATE TRIGGER journal_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_journal();

-- Who may write to the journal: whoever raised the epoch last. Every insert checks it, so that an engine that was paused
-- while another took over writes nothing. There is one row from the beginning, and never another.
CREATE TABLE leadership (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    epoch bigint NOT NULL,
    holder text NOT NULL DEFAULT '', -- host and process id, for people
    taken_at_ns bigint NOT NULL DEFAULT 0
);

INSERT INTO leadership (epoch) VALUES (0);

-- The engine's canonical state after a row; losing all of them costs time at the next start and nothing else.
CREATE TABLE snapshots (
    sequence bigint PRIMARY KEY,
    time_ns bigint NOT NULL,
    chain bytea NOT NULL,
    state bytea NOT NULL,
    checksum bytea NOT NULL -- SHA-256 of all the others: see adapters/postgres/snapshots.py
);

-- Kept as it is: compressing tens of megabytes takes longer than writing them.
ALTER TABLE snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

-- Empty. Something is put here and removed again to see whether the disk takes a batch.
CREATE TABLE journal_probe (
    id integer PRIMARY KEY CHECK (id = 1),
    content bytea NOT NULL
);

-- A megabyte of zeros is to be a megabyte.
ALTER TABLE journal_probe ALTER COLUMN content SET STORAGE EXTERNAL;

-- One row once an exchange was transferred into this database. Until it is finished, what is here is not whole and no
-- server starts on it. origin is the chain of the journal's first row, by which an exchange is known.
CREATE TABLE transfer (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    origin bytea NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
