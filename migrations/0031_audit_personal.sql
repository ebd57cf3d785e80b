-- The personal values of audit events, beside the bodies that are hashed: those hold a commitment in the place of each. A row may
-- be deleted, which is how a value is erased, and is never changed.
CREATE TABLE audit_personal (
    org_id UUID NOT NULL,
    -- The number of the event.
    seq BIGINT NOT NULL,
    -- 0: actor.name, 1: subject.name, 2: address, 3: user_agent, 4 + 2i: was of the change i, 5 + 2i: its now.
    place BIGINT NOT NULL,
    -- Whose value it is, as far as the event tells.
    person UUID NULL,
    -- What is hashed before the value.
    salt BYTEA NOT NULL,
    -- The value, as exact JSON.
    value TEXT NOT NULL,
    PRIMARY KEY (org_id, seq, place)
);
CREATE INDEX audit_personal_by_person ON audit_personal (org_id, person, seq, place);
-- The page of the audit log filters by address.
CREATE INDEX audit_personal_by_address ON audit_personal (org_id, value, seq) WHERE place = 2;
-- Events of before this, whose bodies hold such values in clear.
CREATE INDEX audit_events_in_clear ON audit_events (org_id, seq) WHERE SUBSTR(body, 1, 7) IN ('{"v":1,', '{"v":2,');

-- only: sqlite
CREATE TRIGGER audit_personal_keep BEFORE UPDATE ON audit_personal BEGIN
    SELECT RAISE(ABORT, 'audit personal values cannot be changed');
END;
-- end

-- only: postgres
CREATE FUNCTION latchkey_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit personal values cannot be changed';
END $$;
CREATE TRIGGER audit_personal_keep BEFORE UPDATE ON audit_personal
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse_change();
-- One by one, and never all at once.
CREATE TRIGGER audit_personal_stay BEFORE TRUNCATE ON audit_personal
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse_change();

SELECT latchkey_wall('audit_personal');
REVOKE UPDATE, DELETE ON audit_personal FROM latchkey_serving;
CREATE POLICY every_chain ON audit_personal FOR SELECT USING (latchkey_sees_every_chain());
-- end
