-- As far as which events of a chain were removed for their age, and the checkpoint that says what stood there. A chain has one
-- at most.
CREATE TABLE audit_anchors (
    org_id UUID NOT NULL PRIMARY KEY,
    -- The number and the hash of the last event that is removed or to be removed: those of a checkpoint.
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    -- When that was decided.
    at BIGINT NOT NULL,
    -- The number of the last event that is gone. Moving it on is what removes events.
    removed BIGINT NOT NULL,
    FOREIGN KEY (org_id, seq) REFERENCES audit_checkpoints (org_id, seq)
);

-- An anchor only moves forward, and to a checkpoint of the same chain that was made at least 90 days before. The event that it
-- names stands there at that moment.
-- only: sqlite
CREATE TRIGGER audit_anchors_begin BEFORE INSERT ON audit_anchors
WHEN NEW.removed <> 0
    OR NOT EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.org_id = NEW.org_id AND c.seq = NEW.seq
        AND json_extract(c.body, '$.hash') = lower(hex(NEW.hash)) AND c.at + 7776000000 <= NEW.at)
    OR NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.org_id = NEW.org_id AND e.seq = NEW.seq AND e.hash = NEW.hash)
BEGIN
    SELECT RAISE(ABORT, 'audit anchors must name a checkpoint of 90 days ago');
END;
CREATE TRIGGER audit_anchors_move BEFORE UPDATE ON audit_anchors
WHEN NEW.org_id <> OLD.org_id OR NEW.at < OLD.at OR NEW.removed < OLD.removed OR NEW.removed > NEW.seq
    OR (NEW.seq = OLD.seq AND NEW.hash <> OLD.hash)
    OR (NEW.seq <> OLD.seq AND (NEW.seq < OLD.seq OR NEW.removed <> OLD.removed OR OLD.removed <> OLD.seq
        OR NOT EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.org_id = NEW.org_id AND c.seq = NEW.seq
            AND json_extract(c.body, '$.hash') = lower(hex(NEW.hash)) AND c.at + 7776000000 <= NEW.at)
        OR NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.org_id = NEW.org_id AND e.seq = NEW.seq AND e.hash = NEW.hash)))
BEGIN
    SELECT RAISE(ABORT, 'audit anchors only move forward, to a checkpoint of 90 days ago');
END;
CREATE TRIGGER audit_anchors_stay BEFORE DELETE ON audit_anchors BEGIN
    SELECT RAISE(ABORT, 'audit anchors cannot be deleted');
END;

DROP TRIGGER audit_events_stay;
CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events
WHEN OLD.seq > COALESCE((SELECT a.seq FROM audit_anchors a WHERE a.org_id = OLD.org_id), 0)
BEGIN
    SELECT RAISE(ABORT, 'audit events cannot be deleted');
END;

CREATE TRIGGER audit_anchors_remove AFTER UPDATE ON audit_anchors WHEN NEW.removed > OLD.removed BEGIN
    DELETE FROM audit_personal WHERE org_id = NEW.org_id AND seq <= NEW.removed;
    DELETE FROM audit_events WHERE org_id = NEW.org_id AND seq <= NEW.removed;
END;
-- end

-- only: postgres
CREATE FUNCTION latchkey_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
BEGIN
    IF is_new THEN
        IF NEW.removed <> 0 THEN
            RAISE EXCEPTION 'audit anchors begin with nothing removed';
        END IF;
    ELSIF NEW.org_id <> OLD.org_id OR NEW.at < OLD.at OR NEW.removed < OLD.removed OR NEW.removed > NEW.seq
        OR NEW.seq < OLD.seq OR (NEW.seq = OLD.seq AND NEW.hash <> OLD.hash)
        OR (NEW.seq > OLD.seq AND (NEW.removed <> OLD.removed OR OLD.removed <> OLD.seq)) THEN
        RAISE EXCEPTION 'audit anchors only move forward';
    ELSE
        is_new := NEW.seq > OLD.seq;
    END IF;
    IF is_new AND NOT (
        EXISTS (SELECT FROM audit_checkpoints c WHERE c.org_id = NEW.org_id AND c.seq = NEW.seq
            AND c.body::jsonb ->> 'hash' = encode(NEW.hash, 'hex') AND c.at + 7776000000 <= NEW.at)
        AND EXISTS (SELECT FROM audit_events e WHERE e.org_id = NEW.org_id AND e.seq = NEW.seq AND e.hash = NEW.hash)) THEN
        RAISE EXCEPTION 'audit anchors must name a checkpoint of 90 days ago';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_anchors_move BEFORE INSERT OR UPDATE ON audit_anchors
    FOR EACH ROW EXECUTE FUNCTION latchkey_anchor();
CREATE TRIGGER audit_anchors_keep BEFORE DELETE ON audit_anchors
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_anchors_stay BEFORE TRUNCATE ON audit_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();

CREATE FUNCTION latchkey_refuse_behind_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq <= COALESCE((SELECT a.seq FROM audit_anchors a WHERE a.org_id = OLD.org_id), 0) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% cannot be changed or deleted', replace(TG_TABLE_NAME, '_', ' ');
END $$;
DROP TRIGGER audit_events_keep ON audit_events;
CREATE TRIGGER audit_events_keep BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_events_old BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse_behind_anchor();

-- The serving role has no right to delete events. This, which runs with the rights of the tables' owner, is the one way, and
-- the wall between organisations holds in it as well.
CREATE FUNCTION latchkey_remove_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM audit_personal WHERE org_id = NEW.org_id AND seq <= NEW.removed;
    DELETE FROM audit_events WHERE org_id = NEW.org_id AND seq <= NEW.removed;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION latchkey_remove_events() FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION latchkey_remove_events() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;
CREATE TRIGGER audit_anchors_remove AFTER UPDATE ON audit_anchors
    FOR EACH ROW WHEN (NEW.removed > OLD.removed) EXECUTE FUNCTION latchkey_remove_events();

SELECT latchkey_wall('audit_anchors');
REVOKE DELETE ON audit_anchors FROM latchkey_serving;
CREATE POLICY every_chain ON audit_anchors FOR SELECT USING (latchkey_sees_every_chain());
-- end
