-- A link to a new password that somebody made for somebody else counts by what both of them are when it is used.
-- Who made the links that were shown before this is not known; they live for an hour at most, and end here.

DELETE FROM password_resets WHERE NOT mailed;
-- Whoever made the link, and the organisation in which they did; neither for a link that its person asked for by mail.
ALTER TABLE password_resets ADD COLUMN made_by UUID REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE password_resets ADD COLUMN made_in UUID REFERENCES organisations (id) ON DELETE CASCADE;
