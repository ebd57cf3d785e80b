-- Lists that stay fast with a hundred thousand keys: what they are searched and sorted by stands in the key's own row and
-- in an index that answers alone.

-- only: postgres
-- The owner, too, is bound by row-level security, and has no organisation here.
ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key_secrets NO FORCE ROW LEVEL SECURITY;
-- end

-- The name in lower case, by the program's own rule.
ALTER TABLE api_keys ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
-- When any secret of the key was last used.
ALTER TABLE api_keys ADD COLUMN used_at BIGINT;
UPDATE api_keys SET name_folded = LOWER(name), used_at =
    (SELECT MAX(s.used_at) FROM api_key_secrets s WHERE s.org_id = api_keys.org_id AND s.key_id = api_keys.id);

-- only: postgres
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key_secrets FORCE ROW LEVEL SECURITY;
-- end

CREATE INDEX api_keys_listed ON api_keys
    (org_id, kind, created_at DESC, id DESC, name_folded, disabled_at, expires_at, used_at, revoked_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_name ON api_keys
    (org_id, name_folded, id, kind, created_at, disabled_at, expires_at, used_at, revoked_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_deleted ON api_keys
    (org_id, kind, created_at DESC, id DESC, name_folded, expires_at, used_at, revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_by_expiry ON api_keys (org_id, expires_at, id) WHERE revoked_at IS NULL AND disabled_at IS NULL;
DROP INDEX api_key_secrets_by_key;
CREATE INDEX api_key_secrets_by_key ON api_key_secrets (org_id, key_id, valid_until, beginning, ending, used_at);
CREATE INDEX api_key_secrets_by_ending ON api_key_secrets (org_id, ending, beginning, key_id, valid_until);
CREATE INDEX api_key_secrets_rotated ON api_key_secrets (org_id, valid_until, key_id) WHERE valid_until IS NOT NULL;
CREATE INDEX retired_slugs_by_organisation ON retired_slugs (org_id, until);
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);
CREATE INDEX invitations_by_time ON invitations (org_id, sent_at DESC, id);

-- only: postgres
-- Where a table has several policies, they are asked of each row: let them ask for the context once for all rows.
ALTER POLICY own_organisation ON api_key_secrets
    USING (org_id = (SELECT latchkey_org())) WITH CHECK (org_id = (SELECT latchkey_org()));
ALTER POLICY by_secret ON api_key_secrets USING (digest = (SELECT latchkey_digest()));
ALTER POLICY own_organisation ON invitations
    USING (org_id = (SELECT latchkey_org())) WITH CHECK (org_id = (SELECT latchkey_org()));
ALTER POLICY by_token ON invitations USING (digest = (SELECT latchkey_digest()));
ALTER POLICY by_email ON invitations USING (email_canonical = (SELECT latchkey_email()));
ALTER POLICY own_organisation ON memberships
    USING (org_id = (SELECT latchkey_org())) WITH CHECK (org_id = (SELECT latchkey_org()));
ALTER POLICY own_memberships ON memberships USING (user_id = (SELECT latchkey_user()));
-- end
