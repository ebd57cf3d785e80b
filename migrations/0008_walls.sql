-- only: postgres
-- What a table of organisations' rows needs, in one call: `SELECT latchkey_wall('prompts');` in the migration that makes it.
-- Row-level security binds the owner too; the serving role may read and write within the organisation of its context.
CREATE FUNCTION latchkey_wall(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY own_organisation ON %I USING (org_id = (SELECT latchkey_org())) '
        'WITH CHECK (org_id = (SELECT latchkey_org()))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO latchkey_serving', name);
END $$;
-- end
