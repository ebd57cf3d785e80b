-- The foundation: accounts, organisations, keys, virtual keys, calls, audit.
-- Written once in PostgreSQL's words; for SQLite the loader swaps the type words and makes every table STRICT.
-- Times are BIGINT milliseconds since 1970 UTC, money is BIGINT micro-cents.

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_canonical TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When a link that only its mailbox had seen was used. None: whoever made the account may have made up the address.
    address_proven_at BIGINT,
    disabled_at BIGINT
);

CREATE TABLE sessions (
    digest BYTEA NOT NULL PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    user_id UUID REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE password_resets (
    digest BYTEA NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The link was mailed, and shown to nobody.
    mailed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX password_resets_by_user ON password_resets (user_id);

-- One row: facts of the installation, and the one-time secret of its first Owner.
CREATE TABLE installation (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    created_at BIGINT NOT NULL,
    key_check BYTEA NOT NULL,
    setup_digest BYTEA,
    set_up_at BIGINT
);

CREATE TABLE organisations (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- Counts every change inside the organisation: by it replicas notice what they may have cached.
    revision BIGINT NOT NULL
);

-- Slugs that were given up: they lead nowhere, and to nobody else, for a while.
CREATE TABLE retired_slugs (
    slug TEXT NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    until BIGINT NOT NULL
);

CREATE TABLE memberships (
    org_id UUID NOT NULL REFERENCES organisations (id),
    user_id UUID NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at BIGINT NOT NULL,
    active_at BIGINT,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE invitations (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    email TEXT NOT NULL,
    email_canonical TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    digest BYTEA NOT NULL UNIQUE,
    -- The present link was mailed, and shown to nobody.
    mailed BOOLEAN NOT NULL,
    invited_by UUID,
    invited_by_name TEXT NOT NULL,
    invited_by_key BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    declined_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (org_id, email_canonical)
    WHERE accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_by_email ON invitations (email_canonical);

CREATE TABLE api_keys (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('master', 'standard')),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions JSONB NOT NULL,
    -- The person the key answers for; none: the Owners.
    responsible UUID,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT,
    disabled_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, responsible) REFERENCES memberships (org_id, user_id)
);
CREATE INDEX api_keys_by_responsible ON api_keys (org_id, responsible);

CREATE TABLE api_key_secrets (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    key_id UUID NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    beginning TEXT NOT NULL,
    ending TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- None: the current secret. Else it was rotated away and is refused from this moment on.
    valid_until BIGINT,
    used_at BIGINT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, key_id) REFERENCES api_keys (org_id, id)
);
CREATE INDEX api_key_secrets_by_key ON api_key_secrets (org_id, key_id);

CREATE TABLE virtual_keys (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    provider TEXT NOT NULL,
    base_url TEXT NOT NULL,
    settings JSONB NOT NULL,
    credential BYTEA,
    credential_set_at BIGINT,
    credential_set_by TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX virtual_keys_by_slug ON virtual_keys (org_id, slug) WHERE deleted_at IS NULL;

-- History outlives what it names: no foreign keys to keys here.
CREATE TABLE call_logs (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    key_id UUID,
    virtual_key_id UUID,
    provider TEXT,
    model TEXT,
    endpoint TEXT NOT NULL,
    streamed BOOLEAN NOT NULL,
    outcome TEXT NOT NULL,
    status BIGINT,
    error_code TEXT,
    latency_us BIGINT,
    first_byte_us BIGINT,
    input_tokens BIGINT,
    cached_input_tokens BIGINT,
    output_tokens BIGINT,
    cost BIGINT,
    trace_id TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX call_logs_by_time ON call_logs (org_id, started_at, id);
CREATE INDEX call_logs_by_key ON call_logs (org_id, key_id, started_at);
CREATE INDEX call_logs_by_virtual_key ON call_logs (org_id, virtual_key_id, started_at);

CREATE TABLE submissions (
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- The audit log. No foreign key: the record of a deletion stays. The nil organisation is the installation's own chain.
CREATE TABLE audit_heads (
    org_id UUID NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE audit_events (
    org_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    -- The exact bytes that are hashed: one JSON object.
    body TEXT NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX audit_events_by_time ON audit_events (org_id, at);

-- only: sqlite
CREATE TRIGGER audit_events_keep BEFORE UPDATE ON audit_events BEGIN
    SELECT RAISE(ABORT, 'audit events cannot be changed');
END;
CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events BEGIN
    SELECT RAISE(ABORT, 'audit events cannot be deleted');
END;
-- end

-- only: postgres
CREATE FUNCTION latchkey_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events cannot be changed or deleted';
END $$;
CREATE TRIGGER audit_events_keep BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION latchkey_refuse();
CREATE TRIGGER audit_events_stay BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION latchkey_refuse();

-- The second wall: whoever serves sees rows of one organisation, or none. The context is set per transaction.
CREATE FUNCTION latchkey_org() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('latchkey.org', true), '')::uuid $$;
CREATE FUNCTION latchkey_user() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('latchkey.user', true), '')::uuid $$;
CREATE FUNCTION latchkey_digest() RETURNS bytea LANGUAGE sql STABLE AS
    $$ SELECT decode(nullif(current_setting('latchkey.digest', true), ''), 'hex') $$;
CREATE FUNCTION latchkey_email() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('latchkey.email', true), '') $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['memberships', 'invitations', 'api_keys', 'api_key_secrets', 'virtual_keys', 'call_logs',
        'submissions', 'audit_heads', 'audit_events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_organisation ON %I USING (org_id = latchkey_org()) WITH CHECK (org_id = latchkey_org())', t);
    END LOOP;
END $$;
-- A person may see where they belong; whoever holds a secret, or proves an address, may find what it opens.
CREATE POLICY own_memberships ON memberships FOR SELECT USING (user_id = latchkey_user());
CREATE POLICY by_secret ON api_key_secrets FOR SELECT USING (digest = latchkey_digest());
CREATE POLICY by_token ON invitations FOR SELECT USING (digest = latchkey_digest());
CREATE POLICY by_email ON invitations FOR SELECT USING (email_canonical = latchkey_email());

-- An administrator may have made the role and granted it beforehand: then this user needs no right to do so. Other
-- databases of the server may be made at the same moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'latchkey_serving') THEN
        CREATE ROLE latchkey_serving NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
DECLARE
    -- From version 16 on a member may lack the right to take the role, as its maker does at first.
    needed text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
BEGIN
    IF NOT pg_has_role(current_user, 'latchkey_serving', needed) THEN
        GRANT latchkey_serving TO CURRENT_USER;
    END IF;
EXCEPTION WHEN unique_violation THEN NULL;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, password_resets, installation, organisations, retired_slugs,
    memberships, invitations, api_keys, api_key_secrets, virtual_keys, call_logs, submissions TO latchkey_serving;
GRANT SELECT, INSERT, UPDATE ON audit_heads TO latchkey_serving;
GRANT SELECT, INSERT ON audit_events TO latchkey_serving;
-- end
