-- only: sqlite
-- The list of calls is ordered by their beginnings and then by their ids. An index with both at its end gives the calls of one
-- key, virtual key or trace in that order; without the id SQLite walks all calls of the span instead. PostgreSQL sorts the few
-- calls of one moment.
DROP INDEX call_logs_by_key;
DROP INDEX call_logs_by_virtual_key;
DROP INDEX call_logs_by_trace;
CREATE INDEX call_logs_by_key ON call_logs (org_id, key_id, started_at, id);
CREATE INDEX call_logs_by_virtual_key ON call_logs (org_id, virtual_key_id, started_at, id);
CREATE INDEX call_logs_by_trace ON call_logs (org_id, trace_id, started_at, id);
-- end
