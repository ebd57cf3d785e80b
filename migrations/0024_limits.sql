-- What of calls may happen in which time: rates and budgets.
CREATE TABLE limits (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- organisation, person, api_key or virtual_key, and which.
    scope TEXT NOT NULL,
    subject_id UUID NOT NULL,
    -- rate or budget.
    kind TEXT NOT NULL,
    -- requests, tokens or cost.
    measure TEXT NOT NULL,
    -- second, minute, hour, day, week, month, days:10 or whole.
    span TEXT NOT NULL,
    -- Requests, tokens or micro-cents.
    amount BIGINT NOT NULL,
    -- block or warn.
    action TEXT NOT NULL,
    -- From here on people are told, once in each period.
    alert_at BIGINT,
    -- Who is told: a JSON list of addresses; an empty one is the Owners.
    emails TEXT NOT NULL,
    -- Calls that began earlier do not count.
    since BIGINT NOT NULL,
    -- A moment at which a period begins.
    anchor BIGINT,
    -- The last time that what was used was set to nothing.
    reset_at BIGINT,
    -- A higher amount that holds until a moment.
    raised_to BIGINT,
    raised_until BIGINT,
    -- Counts how often a replica took a share: whoever takes one waits here for others.
    shares BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX limits_by_subject ON limits (org_id, subject_id, id);

-- What was used of a limit in a period. It is only added to.
CREATE TABLE limit_usage (
    org_id UUID NOT NULL,
    limit_id UUID NOT NULL,
    -- When the period began.
    period BIGINT NOT NULL,
    -- Which process has counted it; nothing but zeros: it is counted for none that still runs.
    replica UUID NOT NULL,
    used BIGINT NOT NULL,
    -- What this process may use without asking, all in all.
    granted BIGINT NOT NULL,
    -- When it last said that it runs.
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, limit_id, period, replica),
    FOREIGN KEY (org_id, limit_id) REFERENCES limits (org_id, id)
);

-- Of what people were told: once in each period, when the threshold was reached and when all was used.
CREATE TABLE limit_alerts (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    limit_id UUID NOT NULL,
    period BIGINT NOT NULL,
    -- threshold or exhausted.
    kind TEXT NOT NULL,
    -- The limit, and what was used of it.
    amount BIGINT NOT NULL,
    used BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- When it was sent; who is about to send it holds it until a moment.
    sent_at BIGINT,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, limit_id) REFERENCES limits (org_id, id)
);
-- Those that wait to be sent.
CREATE INDEX limit_alerts_waiting ON limit_alerts (org_id, id) WHERE sent_at IS NULL;
CREATE UNIQUE INDEX limit_alerts_once ON limit_alerts (org_id, limit_id, period, kind);

-- only: postgres
SELECT latchkey_wall('limits');
SELECT latchkey_wall('limit_usage');
SELECT latchkey_wall('limit_alerts');
-- end
