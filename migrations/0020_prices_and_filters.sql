-- What an organisation pays for a model, where that is not the list price.
CREATE TABLE model_prices (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    provider TEXT NOT NULL,
    -- As it was written, and as it is looked for.
    model TEXT NOT NULL,
    spelling TEXT NOT NULL,
    -- Micro-cents per million tokens.
    input BIGINT NOT NULL,
    cached_input BIGINT NOT NULL,
    output BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX model_prices_by_model ON model_prices (org_id, provider, spelling);

-- Filters of the log that are kept under a name.
CREATE TABLE log_filters (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- The person whose it is; nothing but zeros: everybody's.
    owner UUID NOT NULL,
    name TEXT NOT NULL,
    -- As it stands in an address.
    query TEXT NOT NULL,
    -- Who made it. What is everybody's stays when they leave.
    maker UUID NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX log_filters_by_name ON log_filters (org_id, owner, name);

-- only: postgres
SELECT latchkey_wall('model_prices');
SELECT latchkey_wall('log_filters');
-- end
