-- What a key may do is narrowed further: JSON, with the ids of what it may name; none: not narrowed.
ALTER TABLE api_keys ADD COLUMN narrowing JSONB NULL;
-- What an organisation asks of all its keys: JSON; none: nothing.
ALTER TABLE organisations ADD COLUMN key_rules JSONB NULL;
