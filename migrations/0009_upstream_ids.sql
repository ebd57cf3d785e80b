-- The provider's own id of a call, under which its support finds it; none where it gave none.
ALTER TABLE call_logs ADD COLUMN upstream_id TEXT NULL;
