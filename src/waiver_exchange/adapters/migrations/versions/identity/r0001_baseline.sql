-- Who is behind an account, and by what they prove who they are. What is marked sealed is encrypted by the program. Times
-- are UNIX nanoseconds, 0 is never. Text is compared byte by byte, as in SQLite, whatever the language of the server.

-- No data key is given a number twice: each sealed value carries the number of its key.
CREATE TABLE data_keys (
    key_id bigint PRIMARY KEY,
    purpose text COLLATE "C" NOT NULL CHECK (purpose IN ('data', 'index')),
    wrapped bytea NOT NULL,
    created_at_ns bigint NOT NULL
);

-- Keys that the program drew for itself, by what they are for; a change of the data or master key leaves them the same.
CREATE TABLE own_keys (
    purpose text COLLATE "C" PRIMARY KEY,
    key bytea NOT NULL -- sealed
);

CREATE TABLE accounts (
    account bigint PRIMARY KEY,
    name bytea, -- sealed; NULL when the person behind it was erased
    opened_at_ns bigint NOT NULL -- the journal's time: an account of this number in another journal is another account
);

-- NULL leaves a limit as it is for everybody; 0 lifts it.
CREATE TABLE account_rates (
    account bigint PRIMARY KEY,
    orders_per_second integer,
    reads_per_second integer,
    account_orders_per_second integer,
    account_reads_per_second integer
);

-- Of a secret only its SHA-256 is kept: it is random and 256 bits long.
CREATE TABLE api_keys (
    key_id text COLLATE "C" PRIMARY KEY,
    account bigint NOT NULL,
    secret_hash bytea NOT NULL,
    created_at_ns bigint NOT NULL,
    name text NOT NULL,
    scopes text NOT NULL,
    last_used_at_ns bigint NOT NULL,
    revoked_at_ns bigint NOT NULL
);

CREATE INDEX api_keys_by_account ON api_keys (account);

CREATE TABLE people (
    person_id text COLLATE "C" PRIMARY KEY,
    account bigint UNIQUE, -- NULL until there is one
    display_name bytea NOT NULL, -- sealed
    email bytea NOT NULL, -- sealed
    created_at_ns bigint NOT NULL
);

-- login_index is a keyed hash of issuer and subject, by which a login is found.
CREATE TABLE logins (
    login_index bytea PRIMARY KEY,
    person_id text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    issuer bytea NOT NULL, -- sealed
    subject bytea NOT NULL, -- sealed
    created_at_ns bigint NOT NULL
);

CREATE INDEX logins_by_person ON logins (person_id);

CREATE TABLE sessions (
    session_id text COLLATE "C" PRIMARY KEY,
    person_id text COLLATE "C" NOT NULL,
    account bigint NOT NULL,
    provider text NOT NULL,
    created_at_ns bigint NOT NULL,
    last_used_at_ns bigint NOT NULL,
    expires_at_ns bigint NOT NULL,
    revoked_at_ns bigint NOT NULL,
    stepped_up_at_ns bigint NOT NULL,
    device bytea NOT NULL, -- sealed
    address bytea NOT NULL -- sealed
);

CREATE INDEX sessions_by_person ON sessions (person_id);

-- Used tokens stay, so that one that comes back is recognized.
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    created_at_ns bigint NOT NULL,
    expires_at_ns bigint NOT NULL,
    used_at_ns bigint NOT NULL
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE passkeys (
    credential_id bytea PRIMARY KEY,
    person_id text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name bytea NOT NULL, -- sealed
    transports text NOT NULL,
    is_backed_up boolean NOT NULL,
    created_at_ns bigint NOT NULL,
    last_used_at_ns bigint NOT NULL
);

CREATE INDEX passkeys_by_person ON passkeys (person_id);

CREATE TABLE signing_keys (
    kid text COLLATE "C" PRIMARY KEY,
    algorithm text NOT NULL,
    private_key bytea NOT NULL, -- sealed
    created_at_ns bigint NOT NULL,
    retired_at_ns bigint NOT NULL
);

-- An invitation may be to an account that is there already; 0 is to a new one.
CREATE TABLE invitations (
    invitation_id text COLLATE "C" PRIMARY KEY,
    code_hash bytea NOT NULL UNIQUE,
    made_by bigint NOT NULL,
    created_at_ns bigint NOT NULL,
    expires_at_ns bigint NOT NULL,
    used_at_ns bigint NOT NULL,
    used_by text NOT NULL,
    revoked_at_ns bigint NOT NULL,
    account bigint NOT NULL
);

CREATE TABLE notes (
    note_id text COLLATE "C" PRIMARY KEY,
    account bigint NOT NULL,
    author bigint NOT NULL,
    created_at_ns bigint NOT NULL,
    text bytea NOT NULL -- sealed
);

CREATE INDEX notes_by_account ON notes (account);

-- Accounts whose person is being erased, or was: what a crash cut short is gone on with.
CREATE TABLE erasures (
    account bigint PRIMARY KEY,
    person_id text COLLATE "C" NOT NULL,
    started_at_ns bigint NOT NULL,
    finished_at_ns bigint NOT NULL,
    was_frozen boolean NOT NULL
);

CREATE INDEX erasures_by_person ON erasures (person_id);

-- The keyed hashes of the logins of those who were forgotten: nothing but a login that comes back shows whose one was.
CREATE TABLE erased_logins (
    login_index bytea PRIMARY KEY,
    was_frozen boolean NOT NULL
);

-- Every transaction of the one process that writes leaves a token here. When a commit gets no answer, the token that is
-- found says whether it was done.
CREATE TABLE last_change (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    token bytea NOT NULL
);

INSERT INTO last_change (token) VALUES ('');

-- What is deleted or replaced lies in the tables' files until they are written anew, which takes their owner: CLUSTER does
-- it and builds the indexes anew too. The service may call this and nothing else that an owner may.
CREATE FUNCTION sweep() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT cls.oid::regclass AS table_name, idx.relname AS index_name
        FROM pg_class cls
        JOIN pg_index pi ON pi.indrelid = cls.oid AND pi.indisprimary
        JOIN pg_class idx ON idx.oid = pi.indexrelid
        WHERE cls.relnamespace = 'identity'::regnamespace AND cls.relkind = 'r'
            AND cls.relname NOT IN ('alembic_version', 'oldest_program')
        ORDER BY cls.relname
    LOOP
        EXECUTE format('CLUSTER %s USING %I', found.table_name, found.index_name);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION sweep() FROM PUBLIC;

-- The server keeps samples of the values of columns, for planning: none of these.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS 0', found.table_name, found.column_name);
    END LOOP;
END
$$;
