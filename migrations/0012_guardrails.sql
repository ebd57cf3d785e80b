-- Guardrails: what requests and answers are checked for.

CREATE TABLE guardrails (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- Never changes: configs name it.
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    -- It judges every request, every answer of the organisation, whatever a config says.
    for_requests BOOLEAN NOT NULL,
    for_answers BOOLEAN NOT NULL,
    -- Counts the changes of this row, for late saves.
    version BIGINT NOT NULL,
    -- The number of the newest of its versions, the one in force.
    current BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The row stays, for the log of calls to name it.
    deleted_at BIGINT,
    PRIMARY KEY (org_id, id)
);
-- The slug of a deleted one is not given away again, since callers may still name it.
CREATE UNIQUE INDEX guardrails_by_slug ON guardrails (org_id, slug);
CREATE INDEX guardrails_of_all_calls ON guardrails (org_id) WHERE (for_requests OR for_answers) AND deleted_at IS NULL;

-- What was saved, one row for each time. Rows never change; they go with the guardrail.
CREATE TABLE guardrail_versions (
    org_id UUID NOT NULL,
    guardrail_id UUID NOT NULL,
    -- From 1.
    number BIGINT NOT NULL,
    id UUID NOT NULL,
    -- The JSON text: {"checks": [...], "actions": {...}}.
    body TEXT NOT NULL,
    message TEXT NOT NULL,
    -- Who saved it, as they were named then.
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, guardrail_id, number),
    FOREIGN KEY (org_id, guardrail_id) REFERENCES guardrails (org_id, id)
);

-- The guardrails that the newest version of a config names, and where.
CREATE TABLE config_guardrails (
    org_id UUID NOT NULL,
    config_id UUID NOT NULL,
    guardrail_id UUID NOT NULL,
    on_requests BOOLEAN NOT NULL,
    on_answers BOOLEAN NOT NULL,
    PRIMARY KEY (org_id, config_id, guardrail_id),
    FOREIGN KEY (org_id, config_id) REFERENCES configs (org_id, id),
    FOREIGN KEY (org_id, guardrail_id) REFERENCES guardrails (org_id, id)
);
CREATE INDEX config_guardrails_by_guardrail ON config_guardrails (org_id, guardrail_id, config_id);

-- Texts that a guardrail is tried with on each save, and the verdict that each should have.
CREATE TABLE guardrail_samples (
    org_id UUID NOT NULL,
    guardrail_id UUID NOT NULL,
    id UUID NOT NULL,
    -- request, answer
    side TEXT NOT NULL,
    text TEXT NOT NULL,
    -- Whether it should pass.
    passes BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, guardrail_id, id),
    FOREIGN KEY (org_id, guardrail_id) REFERENCES guardrails (org_id, id)
);

-- only: postgres
SELECT latchkey_wall('guardrails');
SELECT latchkey_wall('guardrail_versions');
SELECT latchkey_wall('config_guardrails');
SELECT latchkey_wall('guardrail_samples');
-- end
