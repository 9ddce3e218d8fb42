-- Messages between colleagues: kept beside the record, sealed, for those to whom they were sent (decision 37).

CREATE TABLE record.thread (
    tenant int NOT NULL, thread text COLLATE "C" NOT NULL,
    program int NOT NULL,                                   -- 0 = none
    patient text COLLATE "C" NOT NULL DEFAULT '',           -- whom it is about, whom its readers have to be able to see; '' = nobody
    urgent boolean NOT NULL,
    author text COLLATE "C" NOT NULL,                       -- account
    body text NOT NULL, stamp text COLLATE "C" NOT NULL,    -- subject, to whom, link, who was told, sealed
    started timestamptz NOT NULL, last timestamptz NOT NULL,
    PRIMARY KEY (tenant, thread)
);
CREATE INDEX thread_last ON record.thread (tenant, last);
CREATE INDEX thread_urgent ON record.thread (tenant, started) WHERE urgent;

CREATE TABLE record.message (
    tenant int NOT NULL, thread text COLLATE "C" NOT NULL, message text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL, at timestamptz NOT NULL, body text NOT NULL,
    PRIMARY KEY (tenant, thread, message)
);

-- Who reads a thread, since when, and up to when they have read it.
CREATE TABLE record.thread_member (
    tenant int NOT NULL, thread text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL,
    via text COLLATE "C" NOT NULL,                          -- from, to, escalated
    joined timestamptz NOT NULL, read timestamptz,
    PRIMARY KEY (tenant, thread, account)
);
CREATE INDEX thread_member_account ON record.thread_member (tenant, account);

-- Organizations that are there already: everybody who works here.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT r.tenant, r.role, '{Message}'::text[], '{send}'::text[] FROM record.role_rule r
WHERE r.known_to = 'infinity' AND r.role IN ('clinician', 'supervisor', 'on-call', 'nurse', 'technician', 'admissions', 'biller', 'privacy-officer', 'risk-manager', 'administrator');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
