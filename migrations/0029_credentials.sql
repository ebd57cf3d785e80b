-- The id of the session, or of the key's secret, that was used; empty: there was neither, or the event is older than this.
ALTER TABLE audit_events ADD COLUMN credential_id TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_events_by_credential ON audit_events (org_id, credential_id, seq);
