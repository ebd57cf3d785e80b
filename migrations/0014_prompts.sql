-- Prompts and partials: texts that programs run by name.

-- Folders.
CREATE TABLE prompt_collections (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX prompt_collections_by_slug ON prompt_collections (org_id, slug);

CREATE TABLE prompts (
    org_id UUID NOT NULL REFERENCES organisations (id),
    id UUID NOT NULL,
    -- prompt, partial
    kind TEXT NOT NULL,
    -- Never changes: programs and other prompts name it.
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    collection_id UUID,
    -- Whether a call must give all variables and no others.
    is_strict BOOLEAN NOT NULL,
    -- Counts the changes of this row, for late saves.
    version BIGINT NOT NULL,
    -- The number of the newest of its versions.
    current BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The row stays, for the log of calls to name it.
    deleted_at BIGINT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, collection_id) REFERENCES prompt_collections (org_id, id)
);
CREATE UNIQUE INDEX prompts_by_slug ON prompts (org_id, kind, slug) WHERE deleted_at IS NULL;
CREATE INDEX prompts_by_collection ON prompts (org_id, collection_id);

-- What was saved, one row for each time. Rows never change; they go with the prompt.
CREATE TABLE prompt_versions (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    -- From 1.
    number BIGINT NOT NULL,
    id UUID NOT NULL,
    -- JSON: the text, and for a prompt its model, parameters and the rest of a request.
    body TEXT NOT NULL,
    message TEXT NOT NULL,
    -- Who saved it, as they were named then.
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, number),
    FOREIGN KEY (org_id, prompt_id) REFERENCES prompts (org_id, id)
);
CREATE UNIQUE INDEX prompt_versions_by_id ON prompt_versions (org_id, id);

-- The partials that a version names, by slug: they may come and go.
CREATE TABLE prompt_uses (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    number BIGINT NOT NULL,
    partial TEXT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, number, partial),
    FOREIGN KEY (org_id, prompt_id, number) REFERENCES prompt_versions (org_id, prompt_id, number)
);
CREATE INDEX prompt_uses_by_partial ON prompt_uses (org_id, partial, prompt_id);

-- Labels that an organisation has made, and what it has changed of those that each has: production, staging, development.
CREATE TABLE prompt_labels (
    org_id UUID NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    -- #rrggbb, or nothing.
    colour TEXT NOT NULL,
    -- publishers, owners: who may move it.
    movers TEXT NOT NULL,
    -- Whether somebody else must agree to a move.
    needs_second BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);

-- At which version a label stands. What is published is where production stands.
CREATE TABLE prompt_pointers (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    label TEXT NOT NULL,
    number BIGINT NOT NULL,
    moved_by TEXT NOT NULL,
    moved_at BIGINT NOT NULL,
    -- The version that some of the calls run instead; none: all run the one.
    trial_number BIGINT,
    -- How many in a hundred, 0 to 99.
    trial_percent BIGINT NOT NULL,
    -- The name of the metadata by whose value calls stay with a version; may be empty.
    trial_by TEXT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, label),
    FOREIGN KEY (org_id, prompt_id, number) REFERENCES prompt_versions (org_id, prompt_id, number)
);
CREATE INDEX prompt_pointers_by_label ON prompt_pointers (org_id, label);

-- Every move of a label, for the history. Rows never change; they go with the prompt.
CREATE TABLE prompt_moves (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    id UUID NOT NULL,
    label TEXT NOT NULL,
    -- None: it stood nowhere; it stands nowhere any more.
    from_number BIGINT,
    to_number BIGINT,
    moved_by TEXT NOT NULL,
    -- Who proposed it, where a second person was needed.
    proposed_by TEXT,
    moved_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, id),
    FOREIGN KEY (org_id, prompt_id) REFERENCES prompts (org_id, id)
);

-- A move that waits for a second person; one for each label of a prompt.
CREATE TABLE prompt_proposals (
    org_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    label TEXT NOT NULL,
    id UUID NOT NULL,
    number BIGINT NOT NULL,
    -- Where the label stood then: from anywhere else it is not moved.
    from_number BIGINT,
    message TEXT NOT NULL,
    -- The person, or the person that the key answers for; and as they were named.
    proposer UUID,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, prompt_id, label),
    FOREIGN KEY (org_id, prompt_id, number) REFERENCES prompt_versions (org_id, prompt_id, number)
);

-- Who called from the console, without a key.
ALTER TABLE call_logs ADD COLUMN user_id UUID NULL;

-- Which prompt a call ran.
ALTER TABLE call_logs ADD COLUMN prompt_id UUID NULL;
ALTER TABLE call_logs ADD COLUMN prompt_version BIGINT NULL;
ALTER TABLE call_logs ADD COLUMN prompt_label TEXT NULL;
CREATE INDEX call_logs_by_prompt ON call_logs (org_id, prompt_id, started_at) WHERE prompt_id IS NOT NULL;

-- only: postgres
SELECT latchkey_wall('prompt_collections');
SELECT latchkey_wall('prompts');
SELECT latchkey_wall('prompt_versions');
SELECT latchkey_wall('prompt_uses');
SELECT latchkey_wall('prompt_labels');
SELECT latchkey_wall('prompt_pointers');
SELECT latchkey_wall('prompt_moves');
SELECT latchkey_wall('prompt_proposals');
-- end
