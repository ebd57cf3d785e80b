-- What calls say, kept where the organisation or the API key wants it.

CREATE TABLE call_texts (
    org_id UUID NOT NULL,
    call_id UUID NOT NULL,
    -- Sealed under the installation's key, each for this organisation, this call and its own side. None: there was nothing,
    -- or nothing that could be kept.
    request BYTEA,
    answer BYTEA,
    -- Bytes of the whole text, which may be more than is kept.
    request_size BIGINT NOT NULL,
    answer_size BIGINT NOT NULL,
    request_cut BOOLEAN NOT NULL,
    answer_cut BOOLEAN NOT NULL,
    -- Images that a short note stands for.
    left_out BIGINT NOT NULL,
    -- Too much waited to be written, so that neither text is here.
    dropped BOOLEAN NOT NULL,
    -- When the call came.
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, call_id),
    FOREIGN KEY (org_id, call_id) REFERENCES call_logs (org_id, id)
);
CREATE INDEX call_texts_by_time ON call_texts (org_id, created_at);

-- Whether calls' texts are kept, and since when that is set so; none: since the organisation was made.
ALTER TABLE organisations ADD COLUMN keep_texts BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE organisations ADD COLUMN keep_texts_set_at BIGINT NULL;
ALTER TABLE organisations ADD COLUMN leave_images_out BOOLEAN NOT NULL DEFAULT true;
-- After how many days texts, and entries of the log, are deleted; entries with none stay.
ALTER TABLE organisations ADD COLUMN texts_days BIGINT NOT NULL DEFAULT 30;
ALTER TABLE organisations ADD COLUMN logs_days BIGINT NULL;

-- Whether the texts of a key's calls are kept; none: as the organisation does.
ALTER TABLE api_keys ADD COLUMN keep_texts BOOLEAN NULL;

-- only: postgres
SELECT latchkey_wall('call_texts');
-- end
