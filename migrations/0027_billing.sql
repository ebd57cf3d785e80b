-- What an organisation says of its bills; none: as if nothing were set.
CREATE TABLE billing_settings (
    org_id UUID NOT NULL REFERENCES organisations (id),
    contact_name TEXT NOT NULL,
    contact_email TEXT NOT NULL,
    -- The currency that amounts are shown in (ISO 4217), and what a dollar is in it, in millionths.
    currency TEXT NOT NULL,
    rate BIGINT NOT NULL,
    -- What each provider's costs are raised by, in hundredths of a percent, by its name.
    markups JSONB NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (org_id)
);

-- Monthly statements. They only grow.
CREATE TABLE billing_statements (
    org_id UUID NOT NULL REFERENCES organisations (id),
    -- The beginning of the month, in milliseconds.
    month BIGINT NOT NULL,
    -- From 1, without gaps.
    number BIGINT NOT NULL,
    -- Micro-cents.
    total BIGINT NOT NULL,
    -- What it is shown in, as in the settings.
    currency TEXT NOT NULL,
    rate BIGINT NOT NULL,
    -- All that it says: one JSON object.
    body TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, month)
);
CREATE UNIQUE INDEX billing_statements_by_number ON billing_statements (org_id, number);

-- only: sqlite
CREATE TRIGGER billing_statements_keep BEFORE UPDATE ON billing_statements BEGIN
    SELECT RAISE(ABORT, 'billing statements cannot be changed');
END;
CREATE TRIGGER billing_statements_stay BEFORE DELETE ON billing_statements BEGIN
    SELECT RAISE(ABORT, 'billing statements cannot be deleted');
END;
-- end

-- only: postgres
CREATE TRIGGER billing_statements_keep BEFORE UPDATE OR DELETE ON billing_statements
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER billing_statements_stay BEFORE TRUNCATE ON billing_statements
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();

SELECT latchkey_wall('billing_settings');
SELECT latchkey_wall('billing_statements');
REVOKE UPDATE, DELETE ON billing_statements FROM latchkey_serving;
-- end
