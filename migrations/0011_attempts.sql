-- Calls that a config leads: by which one, and every attempt.

-- Whether a config led the call, also one that came with the request and is stored nowhere.
ALTER TABLE call_logs ADD COLUMN led BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE call_logs ADD COLUMN config_id UUID NULL;
ALTER TABLE call_logs ADD COLUMN config_version BIGINT NULL;
CREATE INDEX call_logs_by_config ON call_logs (org_id, config_id, started_at) WHERE config_id IS NOT NULL;

CREATE TABLE call_attempts (
    org_id UUID NOT NULL,
    call_id UUID NOT NULL,
    -- From 1, in order.
    number BIGINT NOT NULL,
    -- The target: config.targets[1].
    path TEXT NOT NULL,
    -- What was asked; none where the attempt ended before its virtual key was found.
    virtual_key_id UUID,
    provider TEXT,
    model TEXT NOT NULL,
    -- The provider's own status, where it gave one.
    status BIGINT,
    error_code TEXT,
    -- Whether anything left for the provider; true also where that is not known any more.
    sent BOOLEAN NOT NULL,
    -- From the arrival of the request, in microseconds.
    began_us BIGINT NOT NULL,
    -- None where the process ended meanwhile, as in the next.
    took_us BIGINT,
    -- answered, kept, retried, led_on, ended
    next TEXT,
    PRIMARY KEY (org_id, call_id, number),
    FOREIGN KEY (org_id, call_id) REFERENCES call_logs (org_id, id)
);

-- only: postgres
SELECT latchkey_wall('call_attempts');
-- end
