-- The record: one row per current resource, one per version, and what a resource can be found by.
-- Tenant leads every key. Text is compared byte by byte (COLLATE "C"): ids, codes and folded names need no language rules,
-- and prefix conditions stay index ranges under row-level security.

CREATE SCHEMA record;
CREATE SCHEMA gate;

-- An internal number for rows (rid) and versions (seq). Never shown to anyone and never derivable from anything shown.
CREATE SEQUENCE record.seq;

CREATE TABLE record.tenant (
    tenant      int PRIMARY KEY,
    key         text COLLATE "C" NOT NULL UNIQUE,          -- short name in configuration
    name        text NOT NULL,
    organization text COLLATE "C",                          -- Organization/id that stands for it: named as discloser, it means all its programs
    host        text COLLATE "C" UNIQUE,                    -- host name that chooses it; null = the only one
    secret      bytea NOT NULL,                             -- keys the 64-bit search keys, so that they cannot be forged or compared
    created     timestamptz NOT NULL DEFAULT now()
);

-- Current resources -------------------------------------------------------------------------------------------------------
CREATE TABLE record.resource (
    tenant          int         NOT NULL,
    rid             bigint      NOT NULL,                   -- internal; the seq of the first version
    seq             bigint      NOT NULL,                   -- internal; the seq of this version
    type            text        COLLATE "C" NOT NULL,
    id              text        COLLATE "C" NOT NULL,
    version         text        COLLATE "C" NOT NULL,       -- opaque, random
    patient         text        COLLATE "C",                -- whose record it is
    at              timestamptz NOT NULL DEFAULT '-infinity', -- the clinical date of its type
    updated         timestamptz NOT NULL,
    plain_updated   timestamptz NOT NULL,                   -- when the unlabelled part last changed: all that redacted callers may know
    own             bigint      NOT NULL DEFAULT 1,         -- bases the resource itself carries; 1 = unlabelled, which is withheld
    parts           bigint      NOT NULL DEFAULT 0,         -- union over its labelled elements
    refs            bigint      NOT NULL DEFAULT 0,         -- union over what it refers to
    tags            text[]      COLLATE "C" NOT NULL DEFAULT '{}', -- what it is about (sensitivity codes)
    origin          int[]       NOT NULL DEFAULT '{}',      -- programs that made it
    ref_origin      int[]       NOT NULL DEFAULT '{}',      -- programs that made the labelled things it refers to
    tokens          bigint[]    NOT NULL DEFAULT '{}',      -- every search key of its unlabelled elements, presence included
    labelled_tokens bigint[],                               -- the same of labelled elements (rare)
    index_digest    bigint      NOT NULL DEFAULT 0,         -- of strings, dates, numbers and edges: unchanged sets are not rewritten
    blobs           text[]      COLLATE "C",                -- digests of attachments kept outside the row
    body            bytea       NOT NULL,                   -- the bytes that are served
    PRIMARY KEY (tenant, type, id)
);
CREATE UNIQUE INDEX resource_rid ON record.resource (tenant, type, rid);
-- A chart query ("this patient, this type, newest first") is one range scan.
CREATE INDEX resource_chart ON record.resource (tenant, patient, type, at DESC, rid DESC);
-- The same across patients: a day's visits, the newest results.
CREATE INDEX resource_at ON record.resource (tenant, type, at DESC, rid DESC);
CREATE INDEX resource_updated ON record.resource (tenant, type, updated, rid);

-- Every version, the current one too. Rows are never changed (labels apart) and never removed.
CREATE TABLE record.version (
    tenant      int         NOT NULL,
    seq         bigint      NOT NULL,
    rid         bigint      NOT NULL,
    type        text        COLLATE "C" NOT NULL,
    id          text        COLLATE "C" NOT NULL,
    version     text        COLLATE "C" NOT NULL,
    kind        text        COLLATE "C" NOT NULL,           -- create -> update* -> delete (-> create ...)
    updated     timestamptz NOT NULL,
    plain_seq   bigint      NOT NULL,                       -- first version of the run with the same unlabelled part
    author      text        COLLATE "C" NOT NULL,
    patient     text        COLLATE "C",
    at          timestamptz NOT NULL DEFAULT '-infinity',
    own         bigint      NOT NULL DEFAULT 1,
    parts       bigint      NOT NULL DEFAULT 0,
    refs        bigint      NOT NULL DEFAULT 0,
    origin      int[]       NOT NULL DEFAULT '{}',
    ref_origin  int[]       NOT NULL DEFAULT '{}',
    tokens      bigint[]    NOT NULL DEFAULT '{}',          -- for consents limited to codes, of a deletion too
    blobs       text[]      COLLATE "C",
    body        bytea,                                      -- null for a delete
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX version_instance ON record.version (tenant, type, id, seq);
CREATE INDEX version_type ON record.version (tenant, type, seq);

-- Dated history of computed labels: relabelling changes masks in place, and says so here.
CREATE TABLE record.label_change (
    tenant      int         NOT NULL,
    seq         bigint      NOT NULL,                       -- the version relabelled
    known       timestamptz NOT NULL,
    rule_set    text        COLLATE "C" NOT NULL,
    own_before  bigint NOT NULL, own_after bigint NOT NULL,
    parts_before bigint NOT NULL, parts_after bigint NOT NULL,
    tags_before text[] NOT NULL, tags_after text[] NOT NULL,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, seq, known)
);

-- What a resource can be found by -----------------------------------------------------------------------------------------
-- Keys are 64-bit keyed hashes of (type, parameter, value). mask: label bits of the element a row came from.
CREATE TABLE record.token (
    tenant int NOT NULL, hash bigint NOT NULL, rid bigint NOT NULL, mask bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, hash, rid)
);
CREATE TABLE record.string (
    tenant int NOT NULL, key bigint NOT NULL, rid bigint NOT NULL,
    folded text COLLATE "C" NOT NULL, exact text COLLATE "C" NOT NULL, mask bigint NOT NULL DEFAULT 0
);
CREATE INDEX string_value ON record.string (tenant, key, folded, rid);
CREATE INDEX string_of_row ON record.string (tenant, rid);
CREATE TABLE record.date (
    tenant int NOT NULL, key bigint NOT NULL, rid bigint NOT NULL,
    low timestamptz NOT NULL, high timestamptz NOT NULL, mask bigint NOT NULL DEFAULT 0
);
CREATE INDEX date_value ON record.date (tenant, key, low, rid);
CREATE INDEX date_of_row ON record.date (tenant, rid);
CREATE TABLE record.number (
    tenant int NOT NULL, key bigint NOT NULL, rid bigint NOT NULL,
    low float8 NOT NULL, high float8 NOT NULL, unit bigint NOT NULL DEFAULT 0, mask bigint NOT NULL DEFAULT 0
);
CREATE INDEX number_value ON record.number (tenant, key, unit, low, rid);
CREATE INDEX number_of_row ON record.number (tenant, rid);
CREATE TABLE record.edge (
    tenant int NOT NULL, rid bigint NOT NULL,
    type text COLLATE "C" NOT NULL,                         -- of the resource that refers
    param text COLLATE "C" NOT NULL,                        -- search parameter, '' when none covers the element
    target text COLLATE "C" NOT NULL,                       -- Type/id
    mask bigint NOT NULL DEFAULT 0
);
CREATE INDEX edge_of_row ON record.edge (tenant, rid);
CREATE INDEX edge_target ON record.edge (tenant, target, type, param, rid);

-- The feed ------------------------------------------------------------------------------------------------------------------
-- Writers add to `change` without contending; one sequencer numbers what is below the oldest running transaction.
CREATE TABLE record.change (
    tenant int NOT NULL,
    xid    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq    bigint NOT NULL,                                 -- version
    kind   text COLLATE "C" NOT NULL,                       -- create, update, delete, label
    PRIMARY KEY (tenant, xid, seq, kind)
);
CREATE TABLE record.feed (
    tenant int NOT NULL,
    n      bigint NOT NULL,                                 -- dense, in an order that respects cause and effect
    seq    bigint NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, n)
);
CREATE TABLE record.feed_head (tenant int PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE record.follower (
    tenant int NOT NULL, name text COLLATE "C" NOT NULL, n bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, name)
);

-- Who, under what rules (bitemporal: when true, and when known to us; nothing is overwritten) --------------------------------
CREATE TABLE record.program (
    tenant int NOT NULL, program int NOT NULL,
    key text COLLATE "C" NOT NULL, name text NOT NULL,
    organization text COLLATE "C",                          -- Organization/id that stands for it
    part2 boolean NOT NULL,                                 -- a legal determination of the deployer; there is no default
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, program, valid_from, known_from)
);
CREATE TABLE record.account (
    tenant int NOT NULL, account text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,                         -- staff, app, organization, system
    login text COLLATE "C" NOT NULL, name text NOT NULL,
    password text,                                          -- Argon2id; null = cannot sign in with a password
    agent text COLLATE "C",                                 -- Practitioner/id, Organization/id or Device/id it stands for
    generation int NOT NULL DEFAULT 0,                      -- raised whenever what it may act as changes
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, account), UNIQUE (tenant, login)
);
CREATE TABLE record.assignment (                            -- what an account may act as
    tenant int NOT NULL, account text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL, programs int[] NOT NULL DEFAULT '{}',
    acting int,                                             -- the program under which it writes
    keys text[] COLLATE "C" NOT NULL DEFAULT '{}',          -- recipient keys beside its own: organizations, classes
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, account, role, valid_from, known_from)
);
CREATE TABLE record.role_rule (
    tenant int NOT NULL, role text COLLATE "C" NOT NULL,
    types text[] COLLATE "C" NOT NULL,                      -- resource types, or {*}
    actions text[] COLLATE "C" NOT NULL,                    -- read, search, history, create, update, delete
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX role_rule_role ON record.role_rule (tenant, role);
CREATE TABLE record.credential (
    tenant int NOT NULL, credential bytea NOT NULL,         -- sha256 of the secret
    account text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,                         -- token, session
    door text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL DEFAULT 'TREAT',
    created timestamptz NOT NULL, expires timestamptz NOT NULL,
    revoked timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (credential)                                -- looked up before the tenant is known
);

-- Compiled from signed consents; can be dropped and rebuilt from them.
CREATE TABLE record.consent_grant (
    tenant int NOT NULL, patient text COLLATE "C" NOT NULL,
    consent text COLLATE "C" NOT NULL, consent_seq bigint NOT NULL,
    effect text COLLATE "C" NOT NULL,                       -- permit, deny
    basis bigint NOT NULL,                                  -- one bit; 0 in a deny = whatever the basis
    recipient text COLLATE "C" NOT NULL,                    -- Organization/x, Practitioner/x, class:tpo ...
    purpose text COLLATE "C" NOT NULL,                      -- v3-ActReason code, matched exactly; * only in a deny
    action text COLLATE "C" NOT NULL,                       -- use, disclose
    programs int[],                                         -- disclosers; null = any
    types text[] COLLATE "C",                               -- extents; null = all
    codes bigint[],                                         -- search keys of codes
    data_from timestamptz, data_to timestamptz,
    resources text[] COLLATE "C",                           -- Type/id
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL,
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX consent_grant_patient ON record.consent_grant (tenant, patient, recipient, basis);
CREATE INDEX consent_grant_consent ON record.consent_grant (tenant, consent);

-- Who has to do with a patient: kept in the transaction of the resource that creates it.
CREATE TABLE record.relation (
    tenant int NOT NULL, patient text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,                        -- Practitioner/x, Organization/x, program:n
    kind text COLLATE "C" NOT NULL,                         -- care-team, episode, treating, consent
    source text COLLATE "C" NOT NULL,                       -- Type/id of the resource that says so
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX relation_patient ON record.relation (tenant, patient, actor);
CREATE INDEX relation_actor ON record.relation (tenant, actor, patient);
CREATE INDEX relation_source ON record.relation (tenant, source);

-- The trail: every access, denial and change. Inserted unsealed; sealed later into one chain per tenant.
CREATE TABLE record.audit (
    tenant int NOT NULL,
    n bigint NOT NULL DEFAULT nextval('record.seq'),        -- internal
    recorded timestamptz NOT NULL,
    request text COLLATE "C" NOT NULL,                      -- id of the request, also in its answer
    account text COLLATE "C" NOT NULL, role text COLLATE "C" NOT NULL,
    door text COLLATE "C" NOT NULL, purpose text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,                       -- read, vread, history, search, create, update, delete, sign-in ...
    outcome text COLLATE "C" NOT NULL,                      -- done, denied, failed
    type text COLLATE "C" NOT NULL DEFAULT '',
    query text NOT NULL DEFAULT '',                         -- what was asked, as sent
    patients text[] COLLATE "C" NOT NULL DEFAULT '{}',
    shown bigint[] NOT NULL DEFAULT '{}',                   -- versions shown or written: record.version.seq
    rules bytea,                                            -- digest of the rule set that decided
    PRIMARY KEY (tenant, n)
);
CREATE INDEX audit_recorded ON record.audit (tenant, recorded);

-- Attachments by content hash, outside the row.
CREATE TABLE record.blob (
    tenant int NOT NULL, digest text COLLATE "C" NOT NULL, size bigint NOT NULL, created timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest)
);

-- Batches travel to the write function as arrays of these.
CREATE TYPE record.op AS (
    kind text, type text, id text, version text,
    expected bigint,            -- seq of the version that the change was made from; null = there must be none, and nobody
                                -- can know the id yet; 0 = there must be none, under an id that others may know
    plain boolean,              -- whether the unlabelled part changed
    patient text, at timestamptz, updated timestamptz,
    own bigint, parts bigint, tags text[], origin int[],
    tokens bigint[], presence bigint[], digest bigint, blobs text[], body bytea
);
CREATE TYPE record.labelled_row AS (op int, hash bigint, mask bigint, presence boolean);
CREATE TYPE record.string_row AS (op int, key bigint, folded text, exact text, mask bigint);
CREATE TYPE record.date_row AS (op int, key bigint, low timestamptz, high timestamptz, mask bigint);
CREATE TYPE record.number_row AS (op int, key bigint, low float8, high float8, unit bigint, mask bigint);
CREATE TYPE record.edge_row AS (op int, param text, target text, mask bigint);
CREATE TYPE record.grant_row AS (
    op int, patient text, effect text, basis bigint, recipient text, purpose text, action text, programs int[], types text[],
    codes bigint[], data_from timestamptz, data_to timestamptz, resources text[], valid_from timestamptz, valid_to timestamptz
);
CREATE TYPE record.relation_row AS (
    op int, patient text, actor text, kind text, valid_from timestamptz, valid_to timestamptz
);
CREATE TYPE record.audit_row AS (
    recorded timestamptz, request text, account text, role text, door text, purpose text, action text, outcome text,
    type text, query text, patients text[], shown bigint[], rules bytea
);

-- The seat belt: a second check on the tenant for everything that the reading role sees.
ALTER TABLE record.resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.version ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.token ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.string ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.date ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.number ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.edge ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.consent_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE record.relation ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON record.resource FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.version FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.token FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.string FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.date FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.number FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.edge FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.consent_grant FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));
CREATE POLICY tenant ON record.relation FOR SELECT TO sojourn_read USING (tenant = cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int));

GRANT USAGE ON SCHEMA record, gate TO sojourn_read, sojourn_app;
GRANT SELECT ON record.resource, record.version, record.token, record.string, record.date, record.number, record.edge,
    record.consent_grant, record.relation TO sojourn_read;
GRANT sojourn_read TO sojourn_app;
REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
