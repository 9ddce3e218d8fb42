-- Apps: what is registered, what people allowed them, and the keys with which identity tokens are signed. Nothing here is of a record.

CREATE TABLE record.app (
    tenant int NOT NULL, app text COLLATE "C" NOT NULL,     -- its client id
    facts text NOT NULL,                                    -- what was registered, as JSON (gate/apps/registry.py); no secret, only its hash
    state text COLLATE "C" NOT NULL,                        -- requested -> active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX app_one ON record.app (tenant, app) WHERE known_to = 'infinity';
CREATE INDEX app_known ON record.app (tenant, app, known_from);

-- What one person allowed one app, once. Refresh tokens are a family under it: one that is used twice ends it.
CREATE TABLE record.app_grant (
    tenant int NOT NULL, grant_id text COLLATE "C" NOT NULL,
    app text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL,
    scopes text NOT NULL, patient text COLLATE "C", encounter text COLLATE "C",
    facts text NOT NULL,                                    -- redirect, challenge, nonce, when and how the person proved who they are: JSON
    code bytea,                                             -- sha256 of the authorization code
    code_expires timestamptz NOT NULL, code_used timestamptz,
    created timestamptz NOT NULL, expires timestamptz NOT NULL, used timestamptz,
    revoked timestamptz NOT NULL DEFAULT 'infinity', revoked_how text COLLATE "C" NOT NULL DEFAULT '',  -- person, app, administrator, reuse, account
    PRIMARY KEY (tenant, grant_id)
);
CREATE UNIQUE INDEX app_grant_code ON record.app_grant (tenant, code) WHERE code IS NOT NULL;
CREATE INDEX app_grant_account ON record.app_grant (tenant, account, created);
CREATE INDEX app_grant_app ON record.app_grant (tenant, app, created);

CREATE TABLE record.app_refresh (
    token bytea PRIMARY KEY,                                -- sha256 of its secret
    tenant int NOT NULL, grant_id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL, expires timestamptz NOT NULL,
    used timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX app_refresh_grant ON record.app_refresh (tenant, grant_id);

-- Keys of identity tokens: the private half sealed with the server key.
CREATE TABLE record.app_key (
    tenant int NOT NULL, kid text COLLATE "C" NOT NULL,
    sealed text NOT NULL, public text NOT NULL,
    use_from timestamptz NOT NULL, use_to timestamptz NOT NULL, shown_to timestamptz NOT NULL,
    PRIMARY KEY (tenant, kid)
);

-- A token that an app holds, and under what it was allowed.
ALTER TABLE record.credential ADD COLUMN app text COLLATE "C", ADD COLUMN grant_id text COLLATE "C";
CREATE INDEX credential_app ON record.credential (tenant, app) WHERE app IS NOT NULL;
CREATE INDEX credential_grant ON record.credential (tenant, grant_id) WHERE grant_id IS NOT NULL;

-- Organizations that are there already: who registers apps and stops them.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{App}'::text[], '{administer}'::text[] FROM record.role_rule x
WHERE x.known_to = 'infinity' AND x.role IN ('administrator', 'integration-manager', 'privacy-officer');

REVOKE ALL ON record.app, record.app_grant, record.app_refresh, record.app_key FROM sojourn_app;
