-- Configs: how a call finds its provider.

CREATE TABLE configs (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- Never changes: callers name it.
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    -- New API keys begin with it. At most one of an organisation.
    is_default BOOLEAN NOT NULL,
    -- Counts the changes of this row, for late saves.
    version BIGINT NOT NULL,
    -- The number of the newest of its versions, the one that is obeyed.
    current BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The row stays, for the log of calls to name it.
    deleted_at BIGINT,
    PRIMARY KEY (org_id, id)
);
-- The slug of a deleted one is not given away again, since callers may still name it.
CREATE UNIQUE INDEX configs_by_slug ON configs (org_id, slug);
CREATE UNIQUE INDEX configs_default ON configs (org_id) WHERE is_default AND deleted_at IS NULL;

-- What was saved, one row for each time. Rows never change; they go with the config.
CREATE TABLE config_versions (
    org_id UUID NOT NULL,
    config_id UUID NOT NULL,
    -- From 1.
    number BIGINT NOT NULL,
    id UUID NOT NULL,
    -- The JSON text exactly as it was saved.
    body TEXT NOT NULL,
    message TEXT NOT NULL,
    -- Who saved it, as they were named then.
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, config_id, number),
    FOREIGN KEY (org_id, config_id) REFERENCES configs (org_id, id)
);

-- The virtual keys that the newest version of a config names.
CREATE TABLE config_uses (
    org_id UUID NOT NULL,
    config_id UUID NOT NULL,
    virtual_key_id UUID NOT NULL,
    PRIMARY KEY (org_id, config_id, virtual_key_id),
    FOREIGN KEY (org_id, config_id) REFERENCES configs (org_id, id),
    FOREIGN KEY (org_id, virtual_key_id) REFERENCES virtual_keys (org_id, id)
);
CREATE INDEX config_uses_by_virtual_key ON config_uses (org_id, virtual_key_id, config_id);

-- The config of calls that name none; none: such calls have no config.
ALTER TABLE api_keys ADD COLUMN config_id UUID NULL;
-- Whether a call may name another than that.
ALTER TABLE api_keys ADD COLUMN config_override BOOLEAN NOT NULL DEFAULT true;
CREATE INDEX api_keys_by_config ON api_keys (org_id, config_id) WHERE config_id IS NOT NULL;

-- Calls may name saved configs and virtual keys, and bring nothing of their own.
ALTER TABLE organisations ADD COLUMN saved_only BOOLEAN NOT NULL DEFAULT false;

-- A key's config is one of its own organisation. SQLite adds no such constraint to a table that is there.
-- only: postgres
ALTER TABLE api_keys ADD FOREIGN KEY (org_id, config_id) REFERENCES configs (org_id, id);
-- end
-- only: sqlite
CREATE TRIGGER api_keys_config_of_new BEFORE INSERT ON api_keys WHEN NEW.config_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM configs c WHERE c.org_id = NEW.org_id AND c.id = NEW.config_id) BEGIN
    SELECT RAISE(ABORT, 'there is no such config in the organisation');
END;
CREATE TRIGGER api_keys_config BEFORE UPDATE OF config_id ON api_keys WHEN NEW.config_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM configs c WHERE c.org_id = NEW.org_id AND c.id = NEW.config_id) BEGIN
    SELECT RAISE(ABORT, 'there is no such config in the organisation');
END;
-- end

-- only: postgres
SELECT latchkey_wall('configs');
SELECT latchkey_wall('config_versions');
SELECT latchkey_wall('config_uses');
-- end
