-- only: sqlite
-- When the call came, as its entry says: PostgreSQL finds the month by it. Nobody reads it here.
ALTER TABLE call_attempts ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;
-- end

-- only: postgres
-- The log in months: calls, attempts and texts each have a table for each month (UTC) of the call's beginning, with the same
-- bounds in all three, and one for what no month is made for. An old month goes as a whole.

-- The owner, too, is bound by row-level security, and has no organisation here.
ALTER TABLE call_logs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE call_attempts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE call_texts NO FORCE ROW LEVEL SECURITY;

-- The tables again, with all their columns and indexes. A primary key has to hold what its table is parted by: the beginning
-- of a call is one of the facts that its records repeat, so that a call is still written once.
CREATE TABLE call_indexes_whole AS
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i
    WHERE i.indrelid IN ('call_logs'::regclass, 'call_attempts'::regclass, 'call_texts'::regclass) AND NOT i.indisprimary;
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT name FROM call_indexes_whole LOOP
        EXECUTE 'DROP INDEX ' || t;
    END LOOP;
    FOREACH t IN ARRAY ARRAY['call_logs', 'call_attempts', 'call_texts'] LOOP
        EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', t, t || '_pkey', t || '_whole_pkey');
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t, t || '_whole');
    END LOOP;
END $$;
CREATE TABLE call_logs (
    LIKE call_logs_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    PRIMARY KEY (org_id, id, started_at)
) PARTITION BY RANGE (started_at);
CREATE TABLE call_attempts (
    LIKE call_attempts_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    -- When the call came, as its entry says.
    started_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, call_id, number, started_at)
) PARTITION BY RANGE (started_at);
CREATE TABLE call_texts (
    LIKE call_texts_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    PRIMARY KEY (org_id, call_id, created_at)
) PARTITION BY RANGE (created_at);
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT definition FROM call_indexes_whole LOOP
        EXECUTE t;
    END LOOP;
END $$;

-- The functions below find by name only what belongs to PostgreSQL itself (their settings are at the end). All else they name
-- with its schema, for which `latchkey_schema` stands here and in `home`: where others may create something in that schema, a
-- function of theirs could fit better than the one that is meant, and would run with the rights of the tables' owner.

-- Whoever serves reads and writes through the three tables alone, behind their walls: a month's table grants nothing, and has
-- row-level security without a policy besides. It is not forced there, since the owner's functions below read months by
-- themselves.
CREATE FUNCTION latchkey_close_call_partition(part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    home constant text := 'latchkey_schema';
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['call_logs', 'call_attempts', 'call_texts'] LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', home, t || '_' || part);
        EXECUTE format('REVOKE ALL ON %I.%I FROM PUBLIC, latchkey_serving', home, t || '_' || part);
    END LOOP;
    -- Months hold together by themselves: to drop one asks nothing of the others.
    EXECUTE format('ALTER TABLE %1$I.%2$I ADD FOREIGN KEY (org_id, call_id, started_at) REFERENCES %1$I.%3$I (org_id, id, started_at)',
        home, 'call_attempts_' || part, 'call_logs_' || part);
    EXECUTE format('ALTER TABLE %1$I.%2$I ADD FOREIGN KEY (org_id, call_id, created_at) REFERENCES %1$I.%3$I (org_id, id, started_at)',
        home, 'call_texts_' || part, 'call_logs_' || part);
END $$;

CREATE TABLE call_logs_default PARTITION OF call_logs DEFAULT;
CREATE TABLE call_attempts_default PARTITION OF call_attempts DEFAULT;
CREATE TABLE call_texts_default PARTITION OF call_texts DEFAULT;

-- Whether a month has tables of its own.
CREATE FUNCTION latchkey_has_call_partition(part text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE home constant text := 'latchkey_schema';
BEGIN
    RETURN EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('%I.call_logs', home)) AND c.relname = 'call_logs_' || part);
END $$;

-- Makes the tables of a month, and puts into them what stands in the default ones: `made`. Else `there`, since it has them;
-- `taken`, since other tables have their names; or `full`, since the default ones hold so much that calls would wait too long
-- while it is looked through and moved. Then they stand for this month, too.
CREATE FUNCTION latchkey_make_call_partition(month date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    home constant text := 'latchkey_schema';
    part text := to_char(month, 'YYYY_MM');
    first bigint := extract(epoch FROM month::timestamp) * 1000;
    after_last bigint := extract(epoch FROM month + interval '1 month') * 1000;
    most bigint := 1000000;
    most_moved bigint := 50000;
    parted text[] := ARRAY['call_logs', 'call_attempts', 'call_texts'];
    by_time text[] := ARRAY['started_at', 'started_at', 'created_at'];
BEGIN
    IF latchkey_schema.latchkey_has_call_partition(part) THEN
        RETURN 'there';
    END IF;
    FOR i IN 1..3 LOOP
        IF to_regclass(format('%I.%I', home, parted[i] || '_' || part)) IS NOT NULL THEN
            RETURN 'taken';
        END IF;
    END LOOP;
    IF (SELECT count(*) FROM (SELECT FROM latchkey_schema.call_logs_default LIMIT most + 1) AS held) > most
        OR (SELECT count(*) FROM latchkey_schema.call_logs_default WHERE started_at >= first AND started_at < after_last) > most_moved THEN
        RETURN 'full';
    END IF;
    -- Whoever writes holds the whole table, until the end. So nobody is on the way to a default table with what would have to be
    -- moved, and would be refused there afterwards; nor between a call and its attempts. These are taken in the order of those
    -- who write. To attach takes the others at any rate.
    LOCK TABLE ONLY latchkey_schema.call_logs, ONLY latchkey_schema.call_attempts, ONLY latchkey_schema.call_texts
        IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE latchkey_schema.call_logs_default, latchkey_schema.call_attempts_default, latchkey_schema.call_texts_default
        IN ACCESS EXCLUSIVE MODE;
    FOR i IN 1..3 LOOP
        EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE)',
            home, parted[i] || '_' || part, parted[i]);
        EXECUTE format('INSERT INTO %1$I.%2$I SELECT * FROM %1$I.%3$I WHERE %4$I >= $1 AND %4$I < $2',
            home, parted[i] || '_' || part, parted[i] || '_default', by_time[i]) USING first, after_last;
    END LOOP;
    FOR i IN REVERSE 3..1 LOOP
        EXECUTE format('DELETE FROM %I.%I WHERE %I >= $1 AND %3$I < $2', home, parted[i] || '_default', by_time[i])
            USING first, after_last;
    END LOOP;
    PERFORM latchkey_schema.latchkey_close_call_partition(part);
    FOR i IN 1..3 LOOP
        EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
            home, parted[i], parted[i] || '_' || part, first, after_last);
    END LOOP;
    RETURN 'made';
END $$;

-- Makes the tables of this month and of the next three, and of so many months before (two years at most) for calls that are
-- about to be put into the log later than they came, where they are missing: of how many it `made` them, which of this month
-- and the next are `missing` all the same, and `why`, as far as it is known: `busy` (somebody else makes or drops months),
-- `locked` (it would have waited too long), `taken` or `full`. Any replica may ask at any time. What it cannot have at once it
-- leaves to the next time: the default tables keep what comes meanwhile.
CREATE FUNCTION latchkey_call_partitions(past integer, OUT made bigint, OUT missing text[], OUT why text)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    this_month date := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    came_to text;
BEGIN
    made := 0;
    -- One at a time makes and drops.
    IF pg_try_advisory_xact_lock(7310036) THEN
        FOR ahead IN -least(greatest(past, 0), 24)..3 LOOP
            BEGIN
                came_to := latchkey_schema.latchkey_make_call_partition((this_month + make_interval(months => ahead))::date);
                IF came_to = 'made' THEN
                    made := made + 1;
                ELSIF came_to <> 'there' AND ahead IN (0, 1) THEN
                    why := coalesce(why, came_to);
                END IF;
            EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                why := coalesce(why, 'locked');
                EXIT;
            END;
        END LOOP;
    ELSE
        why := 'busy';
    END IF;
    missing := ARRAY(
        SELECT to_char(near.month, 'YYYY-MM') FROM (VALUES (this_month), ((this_month + interval '1 month')::date)) AS near (month)
        WHERE NOT latchkey_schema.latchkey_has_call_partition(to_char(near.month, 'YYYY_MM')) ORDER BY 1);
END $$;

-- Whether an organisation keeps an entry of a month, or a text.
CREATE FUNCTION latchkey_keeps_calls(part text, moment bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    home constant text := 'latchkey_schema';
    kept boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.organisations o, LATERAL (SELECT FROM %1$I.%2$I c WHERE c.org_id = o.id '
        'AND c.started_at >= coalesce($1 - o.logs_days * 86400000, -9223372036854775808) LIMIT 1) AS kept)',
        home, 'call_logs_' || part) INTO kept USING moment;
    RETURN kept;
END $$;
CREATE FUNCTION latchkey_keeps_texts(part text, moment bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    home constant text := 'latchkey_schema';
    kept boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.organisations o, LATERAL (SELECT FROM %1$I.%2$I t WHERE t.org_id = o.id '
        'AND t.created_at >= greatest($1 - o.texts_days * 86400000, $1 - o.logs_days * 86400000, o.texts_deleted_before) '
        'LIMIT 1) AS kept)', home, 'call_texts_' || part) INTO kept USING moment;
    RETURN kept;
END $$;

-- How much of a month is about to go of each organisation. It can still be read while it is counted, but not written.
CREATE FUNCTION latchkey_count_dropped(part text, with_entries boolean, OUT whose uuid[], OUT entries bigint[], OUT texts bigint[])
LANGUAGE plpgsql AS $$
DECLARE home constant text := 'latchkey_schema';
BEGIN
    IF with_entries THEN
        EXECUTE format('LOCK TABLE %1$I.%2$I, %1$I.%3$I IN SHARE MODE', home, 'call_logs_' || part, 'call_attempts_' || part);
    END IF;
    EXECUTE format('LOCK TABLE %I.%I IN SHARE MODE', home, 'call_texts_' || part);
    EXECUTE format('SELECT array_agg(org_id), array_agg(entries), array_agg(texts) FROM ('
        'SELECT org_id, sum(entries)::bigint AS entries, sum(texts)::bigint AS texts FROM ('
        'SELECT org_id, 0 AS entries, count(*) AS texts FROM %1$I.%2$I GROUP BY 1 UNION ALL '
        'SELECT org_id, count(*), 0 FROM %1$I.%3$I WHERE $1 GROUP BY 1) AS each_kind GROUP BY 1) AS counted',
        home, 'call_texts_' || part, 'call_logs_' || part) INTO whose, entries, texts USING with_entries;
END $$;

-- Notes it for the organisations' events. Nobody changes how long anything is kept from here on.
CREATE FUNCTION latchkey_note_dropped(whose uuid[], entries bigint[], texts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Whoever acts in one of them holds its row, and may be waiting for what is held here.
    PERFORM FROM latchkey_schema.organisations o WHERE o.id = ANY (whose) ORDER BY o.id FOR NO KEY UPDATE NOWAIT;
    UPDATE latchkey_schema.organisations o
        SET entries_dropped = o.entries_dropped + d.entries, texts_dropped = o.texts_dropped + d.texts
        FROM unnest(whose, entries, texts) AS d (id, entries, texts) WHERE o.id = d.id;
END $$;

-- Drops the oldest month of which no organisation keeps an entry any more; or empties the texts of the oldest of which none
-- keeps a text. True: it did one of both, and there may be more.
CREATE FUNCTION latchkey_drop_old_calls() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    home constant text := 'latchkey_schema';
    moment bigint := extract(epoch FROM clock_timestamp()) * 1000;
    -- Calls of two days ago may still end.
    latest bigint := moment - 2 * 86400000;
    part text;
    has_texts boolean;
    gone record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7310036) THEN
        RETURN false;
    END IF;
    FOR part IN
        SELECT substring(c.relname FROM '^call_logs_(\d{4}_\d\d)$')
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('%I.call_logs', home)) AND c.relname ~ '^call_logs_\d{4}_\d\d$' ORDER BY 1
    LOOP
        EXIT WHEN extract(epoch FROM to_date(part, 'YYYY_MM') + interval '1 month') * 1000 > latest;
        IF NOT latchkey_schema.latchkey_keeps_calls(part, moment) THEN
            gone := latchkey_schema.latchkey_count_dropped(part, true);
            -- Whoever reads or writes any month holds these, and waits behind whoever waits for them: so they are taken before any
            -- organisation's row, and given up after a moment. In the order of those who write calls.
            LOCK TABLE ONLY latchkey_schema.call_logs, ONLY latchkey_schema.call_attempts, ONLY latchkey_schema.call_texts
                IN ACCESS EXCLUSIVE MODE;
            -- To drop takes these at any rate.
            LOCK TABLE latchkey_schema.call_logs_default, latchkey_schema.call_attempts_default, latchkey_schema.call_texts_default
                IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('LOCK TABLE %1$I.%2$I, %1$I.%3$I, %1$I.%4$I IN ACCESS EXCLUSIVE MODE',
                home, 'call_logs_' || part, 'call_attempts_' || part, 'call_texts_' || part);
            PERFORM latchkey_schema.latchkey_note_dropped(gone.whose, gone.entries, gone.texts);
            -- It may have been said meanwhile that it be kept.
            IF latchkey_schema.latchkey_keeps_calls(part, moment) THEN
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available';
            END IF;
            EXECUTE format('DROP TABLE %1$I.%2$I, %1$I.%3$I, %1$I.%4$I',
                home, 'call_texts_' || part, 'call_attempts_' || part, 'call_logs_' || part);
            RETURN true;
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', home, 'call_texts_' || part) INTO has_texts;
        IF has_texts AND NOT latchkey_schema.latchkey_keeps_texts(part, moment) THEN
            gone := latchkey_schema.latchkey_count_dropped(part, false);
            EXECUTE format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', home, 'call_texts_' || part);
            PERFORM latchkey_schema.latchkey_note_dropped(gone.whose, gone.entries, gone.texts);
            IF latchkey_schema.latchkey_keeps_texts(part, moment) THEN
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available';
            END IF;
            EXECUTE format('TRUNCATE %I.%I', home, 'call_texts_' || part);
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    -- Nothing is done, and the next round tries again.
    RETURN false;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN
        SELECT oid FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname IN (
            'latchkey_close_call_partition', 'latchkey_has_call_partition', 'latchkey_make_call_partition',
            'latchkey_call_partitions', 'latchkey_keeps_calls', 'latchkey_keeps_texts', 'latchkey_count_dropped',
            'latchkey_note_dropped', 'latchkey_drop_old_calls')
    LOOP
        EXECUTE replace(replace(pg_get_functiondef(f), 'latchkey_schema.', quote_ident(current_schema()) || '.'),
            quote_literal('latchkey_schema'), quote_literal(current_schema()));
        -- What a name means is not for whoever calls them to say, nor for whoever creates something.
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;
ALTER FUNCTION latchkey_call_partitions(integer) SET lock_timeout = '1500ms';
ALTER FUNCTION latchkey_drop_old_calls() SET lock_timeout = '200ms';
GRANT EXECUTE ON FUNCTION latchkey_call_partitions(integer), latchkey_drop_old_calls() TO latchkey_serving;
SELECT latchkey_close_call_partition('default');

-- What there is: a month for each that has calls, within ten years; the default tables have what else there may be.
SELECT latchkey_make_call_partition(month::date) FROM (
    SELECT DISTINCT date_trunc('month', to_timestamp(started_at / 1000) AT TIME ZONE 'UTC') AS month FROM call_logs_whole
    WHERE started_at BETWEEN extract(epoch FROM now() - interval '10 years') * 1000 AND extract(epoch FROM now()) * 1000
) AS months;
SELECT latchkey_call_partitions(0);
INSERT INTO call_logs SELECT * FROM call_logs_whole;
INSERT INTO call_attempts SELECT a.*, c.started_at
    FROM call_attempts_whole a JOIN call_logs_whole c ON c.org_id = a.org_id AND c.id = a.call_id;
-- Both are the moment at which the call came.
UPDATE call_texts_whole t SET created_at = c.started_at
    FROM call_logs_whole c WHERE c.org_id = t.org_id AND c.id = t.call_id AND t.created_at <> c.started_at;
INSERT INTO call_texts SELECT * FROM call_texts_whole;
DROP TABLE call_texts_whole, call_attempts_whole, call_logs_whole, call_indexes_whole;
ALTER TABLE call_logs ADD FOREIGN KEY (org_id) REFERENCES organisations (id);
ANALYZE call_logs, call_attempts, call_texts;

SELECT latchkey_wall('call_logs');
SELECT latchkey_wall('call_attempts');
SELECT latchkey_wall('call_texts');
-- end

-- What was deleted by months at once, and of which no event tells yet.
ALTER TABLE organisations ADD COLUMN entries_dropped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN texts_dropped BIGINT NOT NULL DEFAULT 0;
