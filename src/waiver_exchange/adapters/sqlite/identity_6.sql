-- Version 6: an invitation may be to an account that is there already; 0 is to a new one.
ALTER TABLE invitations ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
