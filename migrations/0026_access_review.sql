-- Which permissions API keys use, and reviews of who has access.

-- Since when the uses of a key's permissions are counted; none: since it was made. Of the keys that are there already nothing
-- was counted until now.
-- only: sqlite
ALTER TABLE api_keys ADD COLUMN counted_since INTEGER;
UPDATE api_keys SET counted_since = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
-- end
-- only: postgres
ALTER TABLE api_keys ADD COLUMN counted_since BIGINT DEFAULT CAST(extract(epoch FROM now()) * 1000 AS BIGINT);
ALTER TABLE api_keys ALTER COLUMN counted_since DROP DEFAULT;
-- end

CREATE TABLE key_permission_uses (
    org_id UUID NOT NULL REFERENCES organisations (id),
    key_id UUID NOT NULL,
    permission TEXT NOT NULL,
    -- When the key was last given it; none: it has it since it was made, or has it no more.
    given_at BIGINT,
    -- The beginning of the last day on which it was used, in UTC; none: no use was counted.
    used_day BIGINT,
    PRIMARY KEY (org_id, key_id, permission),
    FOREIGN KEY (org_id, key_id) REFERENCES api_keys (org_id, id)
);

CREATE TABLE access_reviews (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    started_by TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- How many people and how many API keys stood in it when it began.
    people_count BIGINT NOT NULL,
    key_count BIGINT NOT NULL,
    finished_by TEXT,
    finished_at BIGINT,
    -- Why it was finished before every row was decided; empty: every row was.
    reason TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX access_reviews_open ON access_reviews (org_id) WHERE finished_at IS NULL;
CREATE INDEX access_reviews_by_time ON access_reviews (org_id, started_at DESC, id DESC);

CREATE TABLE access_review_rows (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    review_id UUID NOT NULL,
    -- From 1: people first, then API keys.
    number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'api_key')),
    subject_id UUID NOT NULL,
    name TEXT NOT NULL,
    -- What it was when the review began.
    facts JSONB NOT NULL,
    decision TEXT CHECK (decision IN ('confirmed', 'revoked')),
    comment TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, review_id, number),
    FOREIGN KEY (org_id, review_id) REFERENCES access_reviews (org_id, id)
);

-- A finished review is evidence: it stays as it is.

-- only: sqlite
CREATE TRIGGER access_reviews_keep BEFORE UPDATE ON access_reviews WHEN OLD.finished_at IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'finished access reviews cannot be changed');
END;
CREATE TRIGGER access_reviews_stay BEFORE DELETE ON access_reviews BEGIN
    SELECT RAISE(ABORT, 'access reviews cannot be deleted');
END;
CREATE TRIGGER access_review_rows_come BEFORE INSERT ON access_review_rows WHEN EXISTS (SELECT 1 FROM access_reviews r WHERE r.org_id = NEW.org_id AND r.id = NEW.review_id AND r.finished_at IS NOT NULL) BEGIN
    SELECT RAISE(ABORT, 'finished access reviews cannot be changed');
END;
CREATE TRIGGER access_review_rows_keep BEFORE UPDATE ON access_review_rows WHEN EXISTS (SELECT 1 FROM access_reviews r WHERE r.org_id = OLD.org_id AND r.id IN (OLD.review_id, NEW.review_id) AND r.finished_at IS NOT NULL) BEGIN
    SELECT RAISE(ABORT, 'finished access reviews cannot be changed');
END;
CREATE TRIGGER access_review_rows_stay BEFORE DELETE ON access_review_rows BEGIN
    SELECT RAISE(ABORT, 'access reviews cannot be deleted');
END;
-- end

-- only: postgres
CREATE FUNCTION latchkey_keep_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.finished_at IS NOT NULL THEN
        RAISE EXCEPTION 'finished access reviews cannot be changed';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION latchkey_keep_review_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM access_reviews r
        WHERE r.org_id = NEW.org_id AND r.id = NEW.review_id AND r.finished_at IS NOT NULL) THEN
        RAISE EXCEPTION 'finished access reviews cannot be changed';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF EXISTS (SELECT 1 FROM access_reviews r
            WHERE r.org_id = OLD.org_id AND r.id = OLD.review_id AND r.finished_at IS NOT NULL) THEN
            RAISE EXCEPTION 'finished access reviews cannot be changed';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION latchkey_refuse_deleting_reviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'access reviews cannot be deleted';
END $$;
CREATE TRIGGER access_reviews_keep BEFORE UPDATE ON access_reviews
    FOR EACH ROW EXECUTE FUNCTION latchkey_keep_review();
CREATE TRIGGER access_reviews_stay BEFORE DELETE ON access_reviews
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse_deleting_reviews();
CREATE TRIGGER access_reviews_whole BEFORE TRUNCATE ON access_reviews
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse_deleting_reviews();
CREATE TRIGGER access_review_rows_keep BEFORE INSERT OR UPDATE ON access_review_rows
    FOR EACH ROW EXECUTE FUNCTION latchkey_keep_review_rows();
CREATE TRIGGER access_review_rows_stay BEFORE DELETE ON access_review_rows
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse_deleting_reviews();
CREATE TRIGGER access_review_rows_whole BEFORE TRUNCATE ON access_review_rows
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse_deleting_reviews();

SELECT latchkey_wall('key_permission_uses');
SELECT latchkey_wall('access_reviews');
SELECT latchkey_wall('access_review_rows');
REVOKE DELETE ON access_reviews, access_review_rows FROM latchkey_serving;
-- end
