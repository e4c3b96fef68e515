-- Version 4: a second grant is refused to who was forgotten, and what browsers bring back has a key of its own.
-- The keyed hashes of the logins of those who were forgotten: nothing but a login that comes back shows whose one was.
CREATE TABLE erased_logins (
    login_index BLOB PRIMARY KEY
) WITHOUT ROWID;

-- Keys that the program drew for itself, by what they are for; a change of the data or master key leaves them the same.
CREATE TABLE own_keys (
    purpose TEXT PRIMARY KEY,
    key BLOB NOT NULL -- sealed
);
