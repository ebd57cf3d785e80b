-- Exports of the log of calls that programs have asked for. Nothing of the log is copied: each fetch reads the log itself.

CREATE TABLE log_exports (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    description TEXT NOT NULL,
    -- As they were sent: a JSON object.
    filters TEXT NOT NULL,
    -- The same in the log's own words, and which part of what it lets through: passed over, and taken at most.
    asked TEXT NOT NULL,
    skip BIGINT NOT NULL,
    most BIGINT,
    -- A JSON list of names.
    fields TEXT NOT NULL,
    -- draft, success, stopped
    status TEXT NOT NULL,
    -- The span that its start has fixed, in milliseconds, the end excluded.
    from_at BIGINT,
    to_at BIGINT,
    -- The key that made it.
    created_by UUID NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX log_exports_by_time ON log_exports (org_id, created_at, id);

-- only: postgres
SELECT latchkey_wall('log_exports');
-- end
