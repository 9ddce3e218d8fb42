-- Sealing the trail. Lines are inserted as before; what is new is a stamp that says in which order they may be sealed, the chain of
-- seals, and what reports find lines by, which is written when they are sealed and not before.

-- stamp: the id of the transaction that wrote the line, counted on over every cluster that the record has lived in. All lines with a
-- stamp below the oldest running transaction are committed, and none can join them: that is what may be sealed.
ALTER TABLE record.audit ADD COLUMN stamp bigint NOT NULL DEFAULT 0;
ALTER TABLE record.audit ALTER COLUMN stamp SET DEFAULT pg_current_xact_id()::text::bigint;
ALTER TABLE record.audit DROP CONSTRAINT audit_pkey, ADD PRIMARY KEY (tenant, stamp, n);

-- What is added to transaction ids, so that stamps go on rising after a restore into a cluster whose ids start lower.
CREATE TABLE record.audit_base (one boolean PRIMARY KEY DEFAULT true CHECK (one), base bigint NOT NULL);
INSERT INTO record.audit_base (base) VALUES (0);

CREATE TABLE record.seal (
    tenant   int NOT NULL,
    number   bigint NOT NULL,                               -- 1, 2, 3 ... without a gap
    stamp    bigint NOT NULL, n bigint NOT NULL,            -- its last line; its first is the next after the seal before
    top      bigint NOT NULL,                               -- the greatest n of all lines sealed so far
    lines    int    NOT NULL, total bigint NOT NULL,        -- in this seal, and up to it
    keys     bigint NOT NULL,                               -- rows of audit_key up to it
    sealed   timestamptz NOT NULL,
    root     bytea  NOT NULL,                               -- Merkle tree hash of its lines (RFC 9162, 2.1)
    previous bytea  NOT NULL,                               -- hash of the seal before; 32 zero bytes at first
    hash     bytea  NOT NULL,
    PRIMARY KEY (tenant, number)
);

-- What the server signed: the head of the chain as it stood.
CREATE TABLE record.checkpoint (
    tenant    int   NOT NULL,
    number    bigint NOT NULL,                              -- of the seal
    text      text  NOT NULL,                               -- what is signed
    key       bytea NOT NULL,                               -- the public key, Ed25519
    signature bytea NOT NULL,
    PRIMARY KEY (tenant, number)
);

-- Sealed lines by whom they are about and who asked: Patient/id, account:name. Can be dropped and built again.
CREATE TABLE record.audit_key (
    tenant   int NOT NULL,
    key      text COLLATE "C" NOT NULL,
    recorded timestamptz NOT NULL,
    stamp    bigint NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (tenant, key, recorded, stamp, n)
);

-- Lines that were kept in a local journal because the database would not take them (emergency care only) come in once.
CREATE TABLE record.audit_journal (
    tenant int NOT NULL, entry text COLLATE "C" NOT NULL, kept timestamptz NOT NULL, taken timestamptz NOT NULL,
    PRIMARY KEY (tenant, entry)
);

-- Who may look at the trail: a right of its own, beside reading AuditEvents that others sent.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'privacy-officer', '{AuditEvent}', '{trail}' FROM record.tenant t;

REVOKE ALL ON ALL TABLES IN SCHEMA record FROM sojourn_app;
