-- Emergencies that staff declared, and what left the organization. Events are added, never changed.

-- Emergency access (45 CFR 164.312(a)(2)(ii); 42 CFR 2.51). The row is there whether or not anybody was found: a declaration is an act.
CREATE TABLE record.emergency (
    tenant int NOT NULL, emergency text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,                      -- who declared it
    request text COLLATE "C" NOT NULL,                      -- as in the trail
    sought text NOT NULL,                                   -- the identity as it was typed, for the review
    patient text COLLATE "C",                               -- null = nobody was found, or more than one
    reason text COLLATE "C" NOT NULL,                       -- a code of emergency.toml
    because text NOT NULL,                                  -- in their own words
    programs int[] NOT NULL,                                -- Part 2 programs whose records it opens, each documented in the record
    declared timestamptz NOT NULL, until timestamptz NOT NULL,
    PRIMARY KEY (tenant, emergency)
);
CREATE INDEX emergency_account ON record.emergency (tenant, account, until);
CREATE INDEX emergency_declared ON record.emergency (tenant, declared);
-- What happened to it: ended (early, by hand), reviewed (decision, note).
CREATE TABLE record.emergency_event (
    tenant int NOT NULL, emergency text COLLATE "C" NOT NULL, at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL,
    decision text COLLATE "C" NOT NULL DEFAULT '', note text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, emergency, kind, at)
);

-- Every disclosure: who got what, for which purpose, under which consents; and the payload, byte for byte, as a sealed blob
-- (42 CFR 2.25, 2.32; 45 CFR 164.528).
CREATE TABLE record.disclosure (
    tenant int NOT NULL, disclosure text COLLATE "C" NOT NULL,
    made timestamptz NOT NULL,
    channel text COLLATE "C" NOT NULL,                      -- fhir, release
    account text COLLATE "C" NOT NULL,                      -- who asked for it, or released it
    request text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,                    -- Organization/x, Practitioner/x
    purpose text COLLATE "C" NOT NULL,                      -- v3-ActReason
    what text[] COLLATE "C" NOT NULL,                       -- Type/id/_history/version, of everything that left
    consents text[] COLLATE "C" NOT NULL,                   -- Consent/id/_history/version, in force for it at that moment
    notice text COLLATE "C" NOT NULL,                       -- which statement of 2.32(a) went with it; '' = none was due
    scope text NOT NULL,                                    -- the explanation of the consents' scope that went with it
    media text COLLATE "C" NOT NULL, digest text COLLATE "C" NOT NULL, size bigint NOT NULL, -- of the payload as it left
    blob text COLLATE "C" NOT NULL,                         -- of the payload as it is kept
    PRIMARY KEY (tenant, disclosure)
);
CREATE INDEX disclosure_made ON record.disclosure (tenant, made);
CREATE TABLE record.disclosure_patient (
    tenant int NOT NULL, patient text COLLATE "C" NOT NULL, disclosure text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, patient, disclosure)
);

-- Organizations that are there already: who may declare an emergency, release, and sit at the privacy desk.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{*}', n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('privacy-officer', '{oversee,release}'::text[]), ('clinician', '{emergency,release}'::text[]),
                   ('supervisor', '{emergency}'::text[]), ('nurse', '{emergency}'::text[])) AS n(role, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
