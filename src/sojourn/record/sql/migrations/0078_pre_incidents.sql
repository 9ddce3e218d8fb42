-- Incident reports: kept beside the record, so that no client's chart, search, export, history or feed reaches them (decision 37).

-- A report as it stands. What it says, and whom it names, is sealed; in the clear is only what decides who may open it.
CREATE TABLE record.incident (
    tenant int NOT NULL, incident text COLLATE "C" NOT NULL,
    program int NOT NULL,                                   -- 0 = none
    privacy boolean NOT NULL,                               -- about privacy: for the privacy officer, too
    state text COLLATE "C" NOT NULL,                        -- sent, closed
    author text COLLATE "C" NOT NULL,                       -- account; '' = anonymous
    barred text[] COLLATE "C" NOT NULL,                     -- whom it is about, as keyed digests: they never open it
    body text NOT NULL, stamp text COLLATE "C" NOT NULL, n int NOT NULL,
    reported timestamptz NOT NULL, changed timestamptz NOT NULL,
    PRIMARY KEY (tenant, incident)
);
CREATE INDEX incident_open ON record.incident (tenant, reported) WHERE state <> 'closed';
CREATE INDEX incident_author ON record.incident (tenant, author, reported) WHERE author <> '';

-- Every version, from the one that was sent: who changed what, when.
CREATE TABLE record.incident_version (
    tenant int NOT NULL, incident text COLLATE "C" NOT NULL, n int NOT NULL,
    account text COLLATE "C" NOT NULL,                      -- '' = anonymous
    act text COLLATE "C" NOT NULL, at timestamptz NOT NULL, body text NOT NULL,
    PRIMARY KEY (tenant, incident, n)
);

-- Corrective actions: their owner sees the action and not the report.
CREATE TABLE record.incident_action (
    tenant int NOT NULL, incident text COLLATE "C" NOT NULL, action text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,                        -- reference of a Practitioner
    due date NOT NULL, state text COLLATE "C" NOT NULL,     -- open, done, dropped
    body text NOT NULL, stamp text COLLATE "C" NOT NULL, changed timestamptz NOT NULL,
    PRIMARY KEY (tenant, incident, action)
);
CREATE INDEX incident_action_owner ON record.incident_action (tenant, owner, due) WHERE state = 'open';

-- Organizations that are there already: everybody who works here may report; who reviews; and the role that oversees all reports.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{Incident}'::text[], n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('clinician', '{report}'::text[]), ('supervisor', '{report,open,review}'), ('on-call', '{report}'), ('nurse', '{report}'), ('technician', '{report}'),
                   ('admissions', '{report}'), ('biller', '{report}'), ('privacy-officer', '{report,open,review-privacy}'), ('administrator', '{report}')) AS n(role, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'risk-manager', n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('{Incident}'::text[], '{report,open,review,committee}'::text[]), ('{Patient,Practitioner,PractitionerRole,Organization,Location,Task}', '{read,search}'),
                   ('{Task}', '{create,update}'), ('{*}', '{reach:organization}'), ('{*}', '{purpose:HOPERAT}')) AS n(types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant) AND NOT EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'risk-manager');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
