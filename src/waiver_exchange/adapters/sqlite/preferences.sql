-- What owners choose for themselves; losing it loses no money and no order.
CREATE TABLE IF NOT EXISTS account_settings (
    account INTEGER PRIMARY KEY,
    -- JSON of `ports.AccountSettings`; a field that is not there has its default.
    settings BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS watchlists (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- JSON array of symbols, in the order in which they were added.
    symbols BLOB NOT NULL,
    created_at_ns INTEGER NOT NULL,
    updated_at_ns INTEGER NOT NULL,
    UNIQUE (account, name)
);
