-- Exchange with others: who they are, every message of theirs and to them, and who of theirs is who of ours. Beside the record: nothing
-- that is readable here names anybody.

CREATE TABLE record.exchange_partner (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    facts text NOT NULL,                                    -- what was agreed, as JSON (gate/exchange/partners.py); no secret
    state text COLLATE "C" NOT NULL,                        -- active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX exchange_partner_one ON record.exchange_partner (tenant, partner) WHERE known_to = 'infinity';
CREATE INDEX exchange_partner_known ON record.exchange_partner (tenant, partner, known_from);

CREATE TABLE record.exchange_message (
    tenant int NOT NULL, message text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,                -- the order in which they came
    partner text COLLATE "C" NOT NULL, door text COLLATE "C" NOT NULL, direction text COLLATE "C" NOT NULL,  -- in, out
    control text COLLATE "C" NOT NULL,                      -- the sender's own number of it
    digest bytea NOT NULL,                                  -- of its bytes, keyed
    kind text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL DEFAULT '',
    lane bytea NOT NULL,                                    -- of one person as the sender names them, keyed: these are done in order
    size int NOT NULL, body bytea NOT NULL,                 -- as it came, sealed
    state text COLLATE "C" NOT NULL,                        -- received -> mapped | review | failed | aside; received <-> held; any of the last -> received (again)
    reason text NOT NULL DEFAULT '',                        -- why it is not mapped, in words that name nobody
    result bytea,                                           -- what it became, and what it says that we keep only here; sealed
    choice bytea,                                           -- what somebody decided about it (whose it is), sealed
    programs int[] NOT NULL DEFAULT '{}',                   -- of what it became
    tries int NOT NULL DEFAULT 0, due timestamptz NOT NULL,
    received timestamptz NOT NULL, updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, message)
);
CREATE UNIQUE INDEX exchange_message_once ON record.exchange_message (tenant, partner, direction, control, digest);
CREATE INDEX exchange_message_waiting ON record.exchange_message (tenant, seq) WHERE state = 'received';
CREATE INDEX exchange_message_lane ON record.exchange_message (tenant, lane, seq) WHERE state IN ('received', 'review', 'held');
CREATE INDEX exchange_message_open ON record.exchange_message (tenant, state, seq) WHERE state IN ('review', 'held', 'failed');
CREATE INDEX exchange_message_listed ON record.exchange_message (tenant, seq);

-- What happened to it, line by line.
CREATE TABLE record.exchange_event (
    tenant int NOT NULL, message text COLLATE "C" NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL, state text COLLATE "C" NOT NULL, author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, message, n)
);

-- Who of theirs is who of ours, as somebody decided or an identifier of ours said.
CREATE TABLE record.exchange_person (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL, theirs bytea NOT NULL,  -- keyed
    patient text COLLATE "C" NOT NULL, author text COLLATE "C" NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (tenant, partner, theirs)
);

-- Organizations that are there already: who looks after partners and messages, and what a partner's account may do.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('integration-manager', '{Exchange}'::text[], '{administer,operate,open}'::text[]),
    ('privacy-officer', '{Exchange}', '{operate,open}'),
    ('administrator', '{Exchange}', '{administer,operate}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'interface', n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('{Patient,ServiceRequest,Task,EpisodeOfCare,DiagnosticReport,Observation,Provenance,Organization,Practitioner}'::text[], '{read,search,history,reach:organization}'::text[]),
    ('{DiagnosticReport,Observation,Provenance}', '{create,update}')) AS n(types, actions);

REVOKE ALL ON record.exchange_partner, record.exchange_message, record.exchange_event, record.exchange_person FROM sojourn_app;
