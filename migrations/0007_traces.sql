-- What a caller says of a call, by name: an object of texts. Calls of which nothing was said have none.
ALTER TABLE call_logs ADD COLUMN metadata JSONB NULL;
CREATE INDEX call_logs_by_trace ON call_logs (org_id, trace_id, started_at);

-- The names under which a program gave an API key its permissions, for it to read them again: several may mean one.
ALTER TABLE api_keys ADD COLUMN scopes JSONB NULL;
