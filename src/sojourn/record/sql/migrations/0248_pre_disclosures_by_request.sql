-- Whether a line of the trail is about something that left, and by which consents: asked of each line by who may not see every program's records.
CREATE INDEX disclosure_request ON record.disclosure (tenant, request);
