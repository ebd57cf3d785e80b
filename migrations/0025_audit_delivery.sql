-- Delivery of audit events to receivers outside: how far each has them, and the webhooks that organisations set up.

-- Of each organisation's chain, the installation's own among them, and each destination.
CREATE TABLE audit_deliveries (
    org_id UUID NOT NULL,
    -- 'file', 'syslog' and 'webhook' are the installation's; 'organisation' is the organisation's own webhook.
    destination TEXT NOT NULL,
    -- The number of the last event that the receiver has.
    seq BIGINT NOT NULL,
    -- When it got that one. Null: nothing yet.
    delivered_at BIGINT NULL,
    -- Attempts since then that failed, and why the last one did.
    failures BIGINT NOT NULL,
    error TEXT NULL,
    -- It is not tried before this.
    next_at BIGINT NOT NULL,
    is_paused BOOLEAN NOT NULL,
    -- The program that sends at this moment, and until when all others leave it to that one.
    claimed_by UUID NULL,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (org_id, destination)
);
CREATE INDEX audit_deliveries_by_destination ON audit_deliveries (destination);

-- An organisation has one at most.
CREATE TABLE audit_webhooks (
    org_id UUID NOT NULL PRIMARY KEY REFERENCES organisations (id),
    id UUID NOT NULL,
    url TEXT NOT NULL,
    -- 'events' or 'ocsf'.
    format TEXT NOT NULL,
    -- Sealed to its place.
    secret BYTEA NOT NULL,
    secret_set_at BIGINT NOT NULL,
    -- The one before, which signs as well until then.
    old_secret BYTEA NULL,
    old_until BIGINT NULL,
    -- Who changed it last, as they were named then.
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

-- only: postgres
SELECT latchkey_wall('audit_deliveries');
CREATE POLICY every_chain ON audit_deliveries FOR SELECT USING (latchkey_sees_every_chain());
SELECT latchkey_wall('audit_webhooks');
-- end
