-- Reasoning tokens, which are among those written; none: the provider did not tell of any tokens.
ALTER TABLE call_logs ADD COLUMN reasoning_tokens BIGINT NULL;
-- What an answer that was kept from an earlier call would have cost anew, in micro-cents, where that is known.
ALTER TABLE call_logs ADD COLUMN saved BIGINT NULL;

ALTER TABLE call_rollups ADD COLUMN reasoning_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE call_rollups ADD COLUMN saved BIGINT NOT NULL DEFAULT 0;

-- Until when one replica has taken it upon itself to delete what is too old, and before when every text was deleted at once.
ALTER TABLE organisations ADD COLUMN logs_expiring_until BIGINT NULL;
ALTER TABLE organisations ADD COLUMN texts_deleted_before BIGINT NULL;
