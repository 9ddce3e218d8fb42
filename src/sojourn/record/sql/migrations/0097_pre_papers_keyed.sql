-- The source of a paper is keyed from now on (`k:` and an HMAC under the server's key): a plain SHA-256 of what came told whoever reads the
-- table whether a document that they have a copy of came here. The key is not in the database, so what is there already is given its keyed
-- source, and a sealed file of its own, by a duty of the server (care/papers/resealing.py).
CREATE INDEX paper_unkeyed ON record.paper (tenant, paper) WHERE source NOT LIKE 'k:%';
CREATE INDEX paper_blob ON record.paper (tenant, blob);
