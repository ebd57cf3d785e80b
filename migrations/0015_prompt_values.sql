-- Values that a prompt is tried with, kept under a name.
CREATE TABLE prompt_values (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    id UUID NOT NULL,
    -- The person whose they are; nothing but zeros: everybody's.
    owner UUID NOT NULL,
    name TEXT NOT NULL,
    -- JSON: an object.
    body TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, id),
    FOREIGN KEY (org_id, prompt_id) REFERENCES prompts (org_id, id)
);
CREATE UNIQUE INDEX prompt_values_by_name ON prompt_values (org_id, prompt_id, owner, name);
CREATE INDEX prompt_values_by_owner ON prompt_values (org_id, owner);

-- That some of a label's calls run another version is told among its moves.
ALTER TABLE prompt_moves ADD COLUMN trial_number BIGINT NULL;
ALTER TABLE prompt_moves ADD COLUMN trial_percent BIGINT NULL;

-- only: postgres
SELECT latchkey_wall('prompt_values');
-- end
