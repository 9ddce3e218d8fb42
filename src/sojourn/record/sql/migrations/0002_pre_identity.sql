-- Identity: how people prove who they are, how long that holds, and who may take it back.

ALTER TABLE record.account ADD CONSTRAINT account_kind CHECK (kind IN ('staff', 'patient', 'proxy', 'app', 'organization', 'system'));

-- Whether an account may be used. An account without a row is active.
CREATE TABLE record.account_state (
    tenant int NOT NULL, account text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('invited', 'active', 'deactivated')),
    author text COLLATE "C" NOT NULL,                       -- the account that said so; '' = the command line
    reason text NOT NULL DEFAULT '',
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX account_state_account ON record.account_state (tenant, account);

-- A session's `expires` is its idle limit: it moves on while the session is used (gate.touch), never past `ends`. So the check that
-- every statement makes anyway (gate.alive) is the check of both limits.
ALTER TABLE record.credential
    ADD COLUMN idle interval,                               -- of a session: how long it may lie unused
    ADD COLUMN warning interval,                            -- how long before that the screen says so
    ADD COLUMN fresh interval,                              -- for how long a proof of who it is suffices for sensitive acts
    ADD COLUMN ends timestamptz,                            -- of a session: when it ends however much it is used
    ADD COLUMN used timestamptz,                            -- to the minute
    ADD COLUMN proved timestamptz,                          -- when its holder last proved who they are
    ADD COLUMN methods text[] COLLATE "C" NOT NULL DEFAULT '{}', -- how: password, totp, recovery, passkey, outside
    ADD COLUMN label text NOT NULL DEFAULT '';              -- browser and system, for its owner to recognize
CREATE INDEX credential_account ON record.credential (tenant, account);

-- Limits of sessions, and who needs a second factor. The row of a role goes before that of all roles (*).
CREATE TABLE record.sign_in_rule (
    tenant int NOT NULL, door text COLLATE "C" NOT NULL, role text COLLATE "C" NOT NULL DEFAULT '*',
    idle interval NOT NULL, warning interval NOT NULL, longest interval NOT NULL, fresh interval NOT NULL,
    second boolean NOT NULL,                                -- whether a second factor is needed
    source text NOT NULL DEFAULT '',
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX sign_in_rule_door ON record.sign_in_rule (tenant, door);

-- What an account proves itself with beside its password. Rows end; none is removed.
CREATE TABLE record.factor (
    tenant int NOT NULL, factor text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('totp', 'passkey', 'recovery')),
    name text NOT NULL DEFAULT '',                          -- what its owner calls it
    secret bytea NOT NULL,                                  -- totp: sealed with the server key; passkey: its public key; recovery: a keyed hash
    handle bytea,                                           -- passkey: its id
    counter bigint NOT NULL DEFAULT 0,                      -- totp: the time step last accepted; passkey: its signature counter
    created timestamptz NOT NULL,
    confirmed timestamptz,                                  -- null = begun, not shown to work yet
    used timestamptz,
    ended timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, factor)
);
CREATE INDEX factor_account ON record.factor (tenant, account);
CREATE UNIQUE INDEX factor_handle ON record.factor (tenant, handle) WHERE handle IS NOT NULL;

-- What may be used once: invitations, resets, half-done sign-ins, answered challenges.
CREATE TABLE record.ticket (
    ticket bytea PRIMARY KEY,                               -- sha256 of its secret; looked up before the tenant is known
    tenant int NOT NULL,
    kind text COLLATE "C" NOT NULL,                         -- invitation, reset, sign-in, outside, passkey
    account text COLLATE "C" NOT NULL DEFAULT '',
    author text COLLATE "C" NOT NULL DEFAULT '',
    content bytea NOT NULL DEFAULT '',                      -- sealed with the server key
    created timestamptz NOT NULL, expires timestamptz NOT NULL,
    used timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX ticket_account ON record.ticket (tenant, account);
CREATE INDEX ticket_expires ON record.ticket (expires);

-- Attempts by a keyed hash of what was tried (a login, an address, both), whether or not it exists; shared by all processes.
CREATE TABLE record.throttle (
    tenant int NOT NULL, key bytea NOT NULL,
    count int NOT NULL, until timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX throttle_until ON record.throttle (until);

-- Who a subject of an outside identity provider is here: fixed at the first sign-in, so that a name given to somebody else opens nothing.
CREATE TABLE record.outside_identity (
    tenant int NOT NULL, issuer text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX outside_identity_subject ON record.outside_identity (tenant, issuer, subject);
CREATE INDEX outside_identity_account ON record.outside_identity (tenant, account);
CREATE UNIQUE INDEX outside_identity_one ON record.outside_identity (tenant, issuer, subject) WHERE known_to = 'infinity';

-- Organizations that are there already get the role that manages accounts; new ones get it from roles.toml.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'administrator', r.types, r.actions
FROM record.tenant t,
     (VALUES ('{Login}'::text[], '{administer}'::text[]),
             ('{Practitioner,PractitionerRole,Organization,Location}', '{read,search}')) r (types, actions)
WHERE NOT EXISTS (SELECT FROM record.role_rule x WHERE x.tenant = t.tenant AND x.role = 'administrator');

REVOKE ALL ON record.account_state, record.sign_in_rule, record.factor, record.ticket, record.throttle, record.outside_identity FROM sojourn_app;
