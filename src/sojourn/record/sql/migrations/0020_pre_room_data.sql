-- What rooms keep beside the record: what somebody is typing, and the organization's own values of dated rules.

-- What an account typed and has not saved. Sealed by the server; for that account alone, and no part of the record.
CREATE TABLE record.draft (
    tenant int NOT NULL, account text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    patient text COLLATE "C" NOT NULL DEFAULT '',           -- whom it is about; '' = nobody
    body text NOT NULL,                                     -- sealed under the account and the key
    stamp text COLLATE "C" NOT NULL,                        -- another with every save
    updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, account, key)
);

-- Values of policies that an organization set instead of those that are shipped. Nothing is overwritten.
CREATE TABLE record.policy (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    key text COLLATE "C" NOT NULL, level text COLLATE "C" NOT NULL DEFAULT '', -- level of care; '' = all others
    value text NOT NULL,                                    -- JSON
    account text COLLATE "C" NOT NULL, reason text NOT NULL CHECK (reason <> ''),
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, n)
);
CREATE INDEX policy_key ON record.policy (tenant, key, level) WHERE known_to = 'infinity';

-- Organizations that are there already: who may change the rules of care.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{Policy}', '{administer}'
FROM record.tenant t CROSS JOIN (VALUES ('privacy-officer'), ('administrator')) AS n(role)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
