-- Group sessions before they are signed, and what the clock found that whoever acted could not see. Neither is a record of a client.

-- A group session: when, who leads it, and its shared part, sealed. No client's id stands here in the clear, so nothing joins it to one.
CREATE TABLE record.group_session (
    tenant int NOT NULL, session text COLLATE "C" NOT NULL,
    program int NOT NULL,                                   -- 0 = none
    schedule text COLLATE "C" NOT NULL DEFAULT '',          -- the group that it is a time of; '' = none
    starts timestamptz NOT NULL, ends timestamptz NOT NULL,
    leaders text[] COLLATE "C" NOT NULL,                    -- references of those who may open it
    body text NOT NULL, stamp text COLLATE "C" NOT NULL, updated timestamptz NOT NULL,
    closed timestamptz,                                     -- everything is signed
    PRIMARY KEY (tenant, session)
);
CREATE UNIQUE INDEX group_session_time ON record.group_session (tenant, schedule, starts) WHERE schedule <> '';
CREATE INDEX group_session_starts ON record.group_session (tenant, starts);

-- One client's part, sealed; `document` is the id that their note will have, so that it is written once however often it is tried.
CREATE TABLE record.group_part (
    tenant int NOT NULL, session text COLLATE "C" NOT NULL, part text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,                        -- open, signed, missed
    document text COLLATE "C" NOT NULL,
    body text NOT NULL, stamp text COLLATE "C" NOT NULL, updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, session, part)
);

-- What the clock found: two things that collide, of which whoever made them could see one. Shown to those who may see both.
CREATE TABLE record.finding (
    tenant int NOT NULL, finding text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL, subjects text[] COLLATE "C" NOT NULL,
    found timestamptz NOT NULL, closed timestamptz, closed_by text COLLATE "C", note text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, finding)
);
CREATE UNIQUE INDEX finding_subjects ON record.finding (tenant, kind, subjects);

-- Organizations that are there already: who books, who plans groups and leads them, and who puts collisions right.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('clinician', '{GroupSession}'::text[], '{lead}'::text[]),
    ('supervisor', '{GroupSession}', '{lead,oversee}'),
    ('supervisor', '{Appointment,Communication,Schedule}', '{create,update}'),
    ('nurse', '{GroupSession}', '{lead}'),
    ('nurse', '{Appointment}', '{create,update}'),
    ('technician', '{Schedule}', '{read,search}'),
    ('admissions', '{Schedule,HealthcareService,Slot,Communication}', '{read,search,history}'),
    ('admissions', '{Schedule,Communication}', '{create,update}'),
    ('admissions', '{Collision}', '{resolve}'),
    ('privacy-officer', '{Collision}', '{resolve}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
