-- Where an organisation's alerts of budgets are sent besides mail. It has one at most.
CREATE TABLE limit_webhooks (
    org_id UUID NOT NULL PRIMARY KEY REFERENCES organisations (id),
    id UUID NOT NULL,
    url TEXT NOT NULL,
    -- Sealed to its place.
    secret BYTEA NOT NULL,
    -- Why the last attempt failed. Null: it did not.
    error TEXT NULL,
    -- Who set it, as they were named then.
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);
-- Which organisations have one, so that the others need not be looked into.
ALTER TABLE organisations ADD COLUMN alerts_by_webhook BOOLEAN NOT NULL DEFAULT false;

-- When an alert is to be sent to the webhook next. Null: there was none, it has it, or it was given up.
ALTER TABLE limit_alerts ADD COLUMN hook_at BIGINT NULL;
ALTER TABLE limit_alerts ADD COLUMN hook_tries BIGINT NOT NULL DEFAULT 0;
-- When the webhook has taken it.
ALTER TABLE limit_alerts ADD COLUMN hook_sent_at BIGINT NULL;
CREATE INDEX limit_alerts_hooked ON limit_alerts (org_id, id) WHERE hook_at IS NOT NULL;

-- only: postgres
SELECT latchkey_wall('limit_webhooks');
-- end
