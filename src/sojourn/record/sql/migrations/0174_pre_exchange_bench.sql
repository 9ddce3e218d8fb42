-- The partner test bench: runs of shared scripts against a partner's profile, signed by both sides, and who may exchange for real since when.
-- Nothing here is about anybody: the people of a script are made up.
CREATE TABLE record.exchange_run (
    tenant int NOT NULL, run text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    facts text NOT NULL,                                    -- the partner as it was tested, as JSON
    dated text NOT NULL,                                    -- of the scripts
    steps text NOT NULL,                                    -- each with what is expected, what came of it, and when; JSON
    state text COLLATE "C" NOT NULL DEFAULT 'running',      -- running -> passed | failed
    digest text NOT NULL DEFAULT '',                        -- SHA-256 of the result, which both sides sign
    revision int NOT NULL DEFAULT 0,
    author text COLLATE "C" NOT NULL, begun timestamptz NOT NULL, ended timestamptz,
    PRIMARY KEY (tenant, run)
);
CREATE UNIQUE INDEX exchange_run_one ON record.exchange_run (tenant, partner) WHERE state = 'running';
CREATE INDEX exchange_run_listed ON record.exchange_run (tenant, partner, begun);

CREATE TABLE record.exchange_signature (
    tenant int NOT NULL, run text COLLATE "C" NOT NULL,
    side text COLLATE "C" NOT NULL,                         -- ours, theirs
    name text NOT NULL, role text NOT NULL, account text COLLATE "C" NOT NULL DEFAULT '',
    way text COLLATE "C" NOT NULL,                          -- here (signed in), link (theirs, once), file (a signed result that they sent)
    digest text NOT NULL, file bytea,                       -- what they sent, sealed
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, run, side)
);

-- A link by which a partner signs, once.
CREATE TABLE record.exchange_signing (
    tenant int NOT NULL, secret bytea NOT NULL, run text COLLATE "C" NOT NULL, author text COLLATE "C" NOT NULL, expires timestamptz NOT NULL, used timestamptz,
    PRIMARY KEY (tenant, secret)
);

-- Whether a partner exchanges for real: the last row holds.
CREATE TABLE record.exchange_go (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY,
    way text COLLATE "C" NOT NULL,                          -- run: by a run that both signed; before: exchanged already when there was no bench; no: not any more
    run text COLLATE "C" NOT NULL DEFAULT '', facts text NOT NULL,  -- the partner for which it was decided
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '', at timestamptz NOT NULL,
    PRIMARY KEY (tenant, partner, n)
);

ALTER TABLE record.exchange_message
    ADD COLUMN test boolean NOT NULL DEFAULT false,         -- came while its partner was being tested, and says that it is a test: it is never done
    ADD COLUMN blocked boolean NOT NULL DEFAULT false;      -- held because its partner exchanges nothing for real yet: goes on by itself once they do
CREATE INDEX exchange_message_blocked ON record.exchange_message (tenant, partner, seq) WHERE blocked OR test AND state = 'held';

-- Partners that are there already exchange for real: they go on, as long as their profile stays as it is.
INSERT INTO record.exchange_go (tenant, partner, way, facts, reason, at)
SELECT p.tenant, p.partner, 'before', p.facts, 'Exchanged already when the test bench came.', now()
FROM record.exchange_partner p WHERE p.known_to = 'infinity' ORDER BY p.tenant, p.partner;

REVOKE ALL ON record.exchange_run, record.exchange_signature, record.exchange_signing, record.exchange_go FROM sojourn_app;
