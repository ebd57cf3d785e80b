-- What people and programs think of calls, by the trace that these belong to.

CREATE TABLE call_feedback (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- Its calls may not be in the log yet, or not any more.
    trace_id TEXT NOT NULL,
    -- -10 to 10.
    value BIGINT NOT NULL,
    -- 0 to 1, in millionths.
    weight BIGINT NOT NULL,
    -- What was said beside it: the JSON of an object.
    metadata TEXT,
    -- The key that gave it, or the person who did so in the console.
    key_id UUID,
    user_id UUID,
    -- Who gave it and who changed it last, as they were named then.
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The log had no call of the trace when it was given, and none since as far as anybody has looked.
    is_unknown BOOLEAN NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX call_feedback_by_trace ON call_feedback (org_id, trace_id, created_at, id);
CREATE INDEX call_feedback_by_time ON call_feedback (org_id, created_at, id);
CREATE INDEX call_feedback_unknown ON call_feedback (org_id, created_at, id) WHERE is_unknown;

-- What is known of each attempt beside its end. Attempts of earlier have none of it.
-- From the arrival of the request to the provider's first byte, in microseconds.
ALTER TABLE call_attempts ADD COLUMN first_byte_us BIGINT NULL;
ALTER TABLE call_attempts ADD COLUMN input_tokens BIGINT NULL;
ALTER TABLE call_attempts ADD COLUMN cached_input_tokens BIGINT NULL;
ALTER TABLE call_attempts ADD COLUMN output_tokens BIGINT NULL;
-- Micro-cents.
ALTER TABLE call_attempts ADD COLUMN cost BIGINT NULL;

-- only: postgres
SELECT latchkey_wall('call_feedback');
-- end
