-- What calls are counted by: each combination that there was, once. Rows never change.
CREATE TABLE call_kinds (
    org_id UUID NOT NULL REFERENCES organisations (id),
    -- A digest of all the rest.
    id UUID NOT NULL,
    key_id UUID,
    user_id UUID,
    virtual_key_id UUID,
    provider TEXT,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    streamed BOOLEAN NOT NULL,
    outcome TEXT NOT NULL,
    status BIGINT,
    error_code TEXT,
    config_id UUID,
    config_version BIGINT,
    prompt_id UUID,
    prompt_version BIGINT,
    prompt_label TEXT,
    -- none, hit: the answer was kept from an earlier call.
    cache TEXT NOT NULL,
    -- none, retry, fallback: which attempt answered it.
    rescued TEXT NOT NULL,
    -- none, passed, failed, denied: what guardrails have found.
    verdict TEXT NOT NULL,
    -- What was said of it, under the names that are grouped by.
    metadata JSONB,
    PRIMARY KEY (org_id, id)
);

-- Ended calls by hour and by day. A row is written in the transaction that writes the calls which it counts.
CREATE TABLE call_rollups (
    org_id UUID NOT NULL,
    -- Milliseconds: an hour or a day.
    width BIGINT NOT NULL,
    -- The beginning, a multiple of the width.
    start BIGINT NOT NULL,
    kind_id UUID NOT NULL,
    entries BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    -- Micro-cents; none if no call's cost is known.
    cost BIGINT,
    -- Calls that used tokens at a price that is not known.
    unpriced BIGINT NOT NULL,
    -- How many lengths are known, and their sum.
    timed BIGINT NOT NULL,
    latency_us BIGINT NOT NULL,
    -- The same until the provider's first byte.
    first_bytes BIGINT NOT NULL,
    first_byte_us BIGINT NOT NULL,
    -- The latest beginning of a call.
    last_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, width, start, kind_id),
    FOREIGN KEY (org_id, kind_id) REFERENCES call_kinds (org_id, id)
);
CREATE INDEX call_rollups_by_kind ON call_rollups (org_id, kind_id);

-- How the lengths of the same calls are spread: sketches, which are long, and which most pages need but few of.
CREATE TABLE call_sketches (
    org_id UUID NOT NULL,
    width BIGINT NOT NULL,
    start BIGINT NOT NULL,
    kind_id UUID NOT NULL,
    latency TEXT NOT NULL,
    first_byte TEXT NOT NULL,
    PRIMARY KEY (org_id, width, start, kind_id)
);

-- Set when a call is counted in the roll-ups.
ALTER TABLE call_logs ADD COLUMN kind_id UUID NULL;
CREATE INDEX call_logs_uncounted ON call_logs (org_id, started_at) WHERE kind_id IS NULL;

-- What an organisation says of its log; none: as if nothing were set.
CREATE TABLE log_settings (
    org_id UUID NOT NULL REFERENCES organisations (id),
    -- Whether Members see no calls but those of keys that they answer for, and their own.
    own_only BOOLEAN NOT NULL,
    -- The names of metadata that are grouped by, each with the moment since when.
    grouped JSONB NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- only: postgres
SELECT latchkey_wall('call_kinds');
SELECT latchkey_wall('call_rollups');
SELECT latchkey_wall('call_sketches');
SELECT latchkey_wall('log_settings');
-- end
