-- Papers that came in and are in no chart yet, and who indexes them. They are no part of the record: nothing that is readable here names anybody.

CREATE TABLE record.paper (
    tenant int NOT NULL, paper text COLLATE "C" NOT NULL,
    program int NOT NULL DEFAULT 0,                         -- for which it came; 0 = not known
    door text COLLATE "C" NOT NULL,                         -- scan, fax
    source text COLLATE "C" NOT NULL,                       -- what came, once: a file of the fax folder, an upload, a part of another paper
    state text COLLATE "C" NOT NULL,                        -- waiting, indexed, set-aside
    arrived timestamptz NOT NULL,
    blob text COLLATE "C" NOT NULL,                         -- digest of the bytes as received, sealed
    body text NOT NULL, stamp text COLLATE "C" NOT NULL, updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, paper)
);
CREATE UNIQUE INDEX paper_source ON record.paper (tenant, source);
CREATE INDEX paper_waiting ON record.paper (tenant, arrived) WHERE state = 'waiting';

-- Organizations that are there already: who indexes, and who may write what follows from it.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('admissions', '{Paper}'::text[], '{index}'::text[]),
    ('admissions', '{DocumentReference}', '{update}'),
    ('privacy-officer', '{Paper}', '{index}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
