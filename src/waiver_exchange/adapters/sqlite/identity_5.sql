-- Version 5: whoever was frozen when he was forgotten does not come back as somebody new.
ALTER TABLE erasures ADD COLUMN was_frozen INTEGER NOT NULL DEFAULT 0;

ALTER TABLE erased_logins ADD COLUMN was_frozen INTEGER NOT NULL DEFAULT 0;
