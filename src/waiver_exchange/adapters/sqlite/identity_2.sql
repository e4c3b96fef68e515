-- Version 2: keys have names, scopes and an end, and accounts may have limits of their own.
-- A key made before there were scopes goes on doing everything.
ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'admin read trade';
-- 0 means never. The last use is stored now and then, so that no request waits for a disk.
ALTER TABLE api_keys ADD COLUMN last_used_at_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN revoked_at_ns INTEGER NOT NULL DEFAULT 0;

-- NULL leaves a limit as it is for everybody; 0 lifts it.
CREATE TABLE account_rates (
    account INTEGER PRIMARY KEY,
    orders_per_second INTEGER,
    reads_per_second INTEGER
);
