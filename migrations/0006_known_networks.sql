-- Networks from which a person has signed in, by keyed digests: a try of their password from one of them does not wait
-- behind those of strangers.
CREATE TABLE known_networks (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network BYTEA NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);

-- only: postgres
GRANT SELECT, INSERT, UPDATE, DELETE ON known_networks TO latchkey_serving;
-- end
