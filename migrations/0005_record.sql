-- The installation's own chain records the ends of the others; a submission remembers what it made.

-- When ends of chains began to be recorded. None: the program has not yet run on this data since it can.
ALTER TABLE installation ADD COLUMN heads_recorded_at BIGINT DEFAULT NULL;
CREATE INDEX audit_events_of_heads ON audit_events (org_id, seq) WHERE action = 'audit.heads';

-- The id of what was made. None: nothing that has one.
ALTER TABLE submissions ADD COLUMN made TEXT DEFAULT NULL;

-- only: postgres
-- Whoever verifies the log, or records the ends of its chains, sees all of them, and only while it says so.
CREATE FUNCTION latchkey_sees_every_chain() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT current_setting('latchkey.chains', true) = 'every' $$;
CREATE POLICY every_chain ON audit_heads FOR SELECT USING (latchkey_sees_every_chain());
CREATE POLICY every_chain ON audit_events FOR SELECT USING (latchkey_sees_every_chain());
-- end
