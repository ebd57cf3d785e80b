-- What was begun outside the database, and of which no event tells yet: what a crash cuts off is told of afterwards.
CREATE TABLE audit_pending (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    -- When it was begun.
    at BIGINT NOT NULL,
    -- What its event would say, beside the outcome: one JSON object.
    body TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_pending_by_time ON audit_pending (at);

-- only: postgres
SELECT latchkey_wall('audit_pending');
CREATE POLICY every_chain ON audit_pending FOR SELECT USING (latchkey_sees_every_chain());
-- end
