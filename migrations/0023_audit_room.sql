-- What the page of the audit log filters by. The number stands last in each, so that a page is read in order and ends where it
-- is full, however far back it lies.
DROP INDEX audit_events_by_time;
CREATE INDEX audit_events_by_time ON audit_events (org_id, at, seq);
CREATE INDEX audit_events_by_actor ON audit_events (org_id, actor_id, seq);
CREATE INDEX audit_events_by_actor_kind ON audit_events (org_id, actor_kind, seq);
CREATE INDEX audit_events_by_action ON audit_events (org_id, action, seq);
-- The kind of an action is what it says before its dot: `api_key.` of `api_key.rotate`.
CREATE INDEX audit_events_by_kind ON audit_events (org_id, RTRIM(action, 'abcdefghijklmnopqrstuvwxyz_'), seq);
CREATE INDEX audit_events_by_target ON audit_events (org_id, target_id, seq);
CREATE INDEX audit_events_by_outcome ON audit_events (org_id, outcome, seq);
CREATE INDEX audit_events_by_request ON audit_events (org_id, request_id, seq);
