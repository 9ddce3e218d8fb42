-- A link by which somebody comes into an account waits for a second person, who gives out a code for it; and what an account may act as
-- from now on waits for one, too (decision 46). Links that are out already stay as they are: they end within seven days.
ALTER TABLE record.ticket
    ADD COLUMN held boolean NOT NULL DEFAULT false,              -- good only together with a code that a second person gives out
    ADD COLUMN confirmed_by text COLLATE pg_catalog."C",         -- account of the second person, or `operator`
    ADD COLUMN confirmed timestamptz,
    ADD COLUMN code bytea,                                       -- keyed hash of the code
    ADD COLUMN wrong int NOT NULL DEFAULT 0,                     -- codes that were wrong; after five the link is worth nothing
    ADD COLUMN opened timestamptz;                               -- when somebody came in by it

CREATE TABLE record.assignment_asked (
    tenant int NOT NULL, account text COLLATE pg_catalog."C" NOT NULL, role text COLLATE pg_catalog."C" NOT NULL, programs int[] NOT NULL, acting int,
    author text COLLATE pg_catalog."C" NOT NULL, asked timestamptz NOT NULL, decided timestamptz NOT NULL DEFAULT 'infinity', decided_by text COLLATE pg_catalog."C",
    granted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, account, asked)
);

-- Organizations that are there already: whoever manages accounts or protects privacy is the second person for those of staff, whoever
-- invites clients is it for theirs.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT r.tenant, r.role, '{Login}'::text[], '{confirm}'::text[] FROM record.role_rule r
WHERE r.known_to = 'infinity' AND r.role IN ('administrator', 'privacy-officer');
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT r.tenant, r.role, '{PatientAccount}'::text[], '{confirm}'::text[] FROM record.role_rule r
WHERE r.known_to = 'infinity' AND 'PatientAccount' = ANY (r.types) AND 'invite' = ANY (r.actions);
