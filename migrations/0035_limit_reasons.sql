-- How limits, and what was used of them, were corrected, and what for. It is only added to.
CREATE TABLE limit_corrections (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    limit_id UUID NOT NULL,
    -- reset, raise or end_of_raise.
    kind TEXT NOT NULL,
    -- When the period began that was under way.
    period BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- Who made it, as they were named then.
    made_by TEXT NOT NULL,
    -- Requests, tokens or micro-cents: of a reset what was used, else what the limit was.
    amount_before BIGINT NOT NULL,
    amount_after BIGINT NOT NULL,
    -- Of a raise: until when it holds.
    raised_until BIGINT NULL,
    -- Null: nobody said.
    reason TEXT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, limit_id) REFERENCES limits (org_id, id)
);
CREATE INDEX limit_corrections_by_limit ON limit_corrections (org_id, limit_id, id);

-- only: sqlite
CREATE TRIGGER limit_corrections_keep BEFORE UPDATE ON limit_corrections BEGIN
    SELECT RAISE(ABORT, 'limit corrections cannot be changed');
END;
CREATE TRIGGER limit_corrections_stay BEFORE DELETE ON limit_corrections BEGIN
    SELECT RAISE(ABORT, 'limit corrections cannot be deleted');
END;
-- end

-- only: postgres
CREATE TRIGGER limit_corrections_keep BEFORE UPDATE OR DELETE ON limit_corrections
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER limit_corrections_stay BEFORE TRUNCATE ON limit_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();

SELECT latchkey_wall('limit_corrections');
REVOKE UPDATE, DELETE ON limit_corrections FROM latchkey_serving;
-- end
