-- Checkpoints of the audit log's chains, and the keys that sign them. Both only grow.

CREATE TABLE audit_checkpoints (
    org_id UUID NOT NULL,
    -- The number of the event at which the chain stood.
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The public key under which the signature is.
    key_id BYTEA NOT NULL,
    -- The exact bytes that are signed, without what goes before them: one JSON object.
    body TEXT NOT NULL,
    signature BYTEA NOT NULL,
    -- The hash of the checkpoint before. Of two that would follow the same one, one is made.
    previous BYTEA NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, previous)
);

-- The public keys, each signed by the one before it. The secret ones are in no database.
CREATE TABLE audit_keys (
    generation BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    key_id BYTEA NOT NULL,
    body TEXT NOT NULL,
    signature BYTEA NOT NULL
);

-- only: sqlite
CREATE TRIGGER audit_checkpoints_keep BEFORE UPDATE ON audit_checkpoints BEGIN
    SELECT RAISE(ABORT, 'audit checkpoints cannot be changed');
END;
CREATE TRIGGER audit_checkpoints_stay BEFORE DELETE ON audit_checkpoints BEGIN
    SELECT RAISE(ABORT, 'audit checkpoints cannot be deleted');
END;
CREATE TRIGGER audit_keys_keep BEFORE UPDATE ON audit_keys BEGIN
    SELECT RAISE(ABORT, 'audit keys cannot be changed');
END;
CREATE TRIGGER audit_keys_stay BEFORE DELETE ON audit_keys BEGIN
    SELECT RAISE(ABORT, 'audit keys cannot be deleted');
END;
-- end

-- only: postgres
CREATE OR REPLACE FUNCTION latchkey_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be changed or deleted', replace(TG_TABLE_NAME, '_', ' ');
END $$;
CREATE TRIGGER audit_checkpoints_keep BEFORE UPDATE OR DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_checkpoints_stay BEFORE TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_keys_keep BEFORE UPDATE OR DELETE ON audit_keys
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_keys_stay BEFORE TRUNCATE ON audit_keys
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();

SELECT latchkey_wall('audit_checkpoints');
REVOKE UPDATE, DELETE ON audit_checkpoints FROM latchkey_serving;
CREATE POLICY every_chain ON audit_checkpoints FOR SELECT USING (latchkey_sees_every_chain());
GRANT SELECT, INSERT ON audit_keys TO latchkey_serving;
-- end
