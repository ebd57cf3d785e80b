-- Refused calls alike are counted when they are many: an entry of the log stands for this many calls.
ALTER TABLE call_logs ADD COLUMN count BIGINT NOT NULL DEFAULT 1;
