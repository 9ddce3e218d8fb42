-- Whether what left was found by looking: what is in it then hangs on all that was found, and who may not see all of it is not told of it (gate.disclosures). Of
-- what left before this was asked only releases are known to have been chosen.
ALTER TABLE record.disclosure ADD COLUMN found boolean NOT NULL DEFAULT true;
UPDATE record.disclosure SET found = false WHERE channel LIKE 'release%';
