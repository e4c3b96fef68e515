-- What owners choose for themselves; losing it loses no money and no order. Times are UNIX nanoseconds.

CREATE TABLE account_settings (
    account bigint PRIMARY KEY,
    settings bytea NOT NULL -- JSON of `ports.AccountSettings`; a field that is not there has its default
);

-- Numbers are given once, also after the newest watchlist was removed.
CREATE SEQUENCE watchlist_numbers;

CREATE TABLE watchlists (
    number bigint PRIMARY KEY,
    account bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    symbols bytea NOT NULL, -- JSON array of symbols, in the order in which they were added
    created_at_ns bigint NOT NULL,
    updated_at_ns bigint NOT NULL,
    UNIQUE (account, name)
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
BEGIN
    CLUSTER preferences.account_settings USING account_settings_pkey;
    CLUSTER preferences.watchlists USING watchlists_pkey;
END
$$;

REVOKE ALL ON FUNCTION sweep() FROM PUBLIC;

-- The server keeps samples of the values of columns, for planning: none of these.
ALTER TABLE account_settings ALTER COLUMN settings SET STATISTICS 0;
ALTER TABLE watchlists ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN symbols SET STATISTICS 0;
