-- Tables that an organization loads for care (what medications do not go together): every version stays, one is in force.
CREATE TABLE record.care_table (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    name text COLLATE "C" NOT NULL,                         -- what it is for: medications
    title text NOT NULL, version text NOT NULL,             -- as whoever made it calls it
    content text NOT NULL,                                  -- as it was loaded: TOML or JSON
    account text COLLATE "C" NOT NULL, reason text NOT NULL CHECK (reason <> ''),
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, n)
);
CREATE INDEX care_table_name ON record.care_table (tenant, name, valid_to);

-- Who may load them; who sets warnings aside; nurses prepare reconciliations.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('supervisor', '{MedicationTable}'::text[], '{administer}'::text[]), ('administrator', '{MedicationTable}', '{administer}'),
                   ('clinician', '{DetectedIssue}', '{create,update}'), ('nurse', '{DetectedIssue,List}', '{create,update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
