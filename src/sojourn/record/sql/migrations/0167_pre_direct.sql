-- Direct secure messaging: our mailbox, what is believed of partners, and what became of messages to them. Beside the record: nothing that
-- is readable here names a patient.

-- The mailbox of an organization at its HISP.
CREATE TABLE record.direct_mailbox (
    tenant int NOT NULL,
    facts text NOT NULL,                                    -- address, hosts, ports, login, our certificates, as JSON (gate/exchange/direct.py); no secret
    secret bytea NOT NULL,                                  -- the password and our private keys, sealed
    state text COLLATE "C" NOT NULL,                        -- active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX direct_mailbox_one ON record.direct_mailbox (tenant) WHERE known_to = 'infinity';

-- When it is looked into next, and how that went.
CREATE TABLE record.direct_run (
    tenant int PRIMARY KEY, due timestamptz NOT NULL, good timestamptz, problem text NOT NULL DEFAULT ''
);

-- How a partner of record.exchange_partner writes by Direct.
CREATE TABLE record.direct_partner (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    facts text NOT NULL,                                    -- addresses and what was agreed, as JSON (gate/exchange/direct.py)
    state text COLLATE "C" NOT NULL,                        -- active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX direct_partner_one ON record.direct_partner (tenant, partner) WHERE known_to = 'infinity';

-- Certificates and revocation lists, as somebody entered them.
CREATE TABLE record.direct_certificate (
    tenant int NOT NULL, certificate text COLLATE "C" NOT NULL, partner text COLLATE "C" NOT NULL,  -- '': of every partner
    kind text COLLATE "C" NOT NULL,                         -- anchor, address (to which we encrypt), list (of an authority, what it took back)
    fingerprint text COLLATE "C" NOT NULL, body text NOT NULL, name text NOT NULL DEFAULT '', until timestamptz NOT NULL,
    added timestamptz NOT NULL, author text COLLATE "C" NOT NULL,
    revoked timestamptz NOT NULL DEFAULT 'infinity', revoker text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, certificate)
);
CREATE UNIQUE INDEX direct_certificate_once ON record.direct_certificate (tenant, partner, kind, fingerprint) WHERE revoked = 'infinity';

-- What left, and what notices said of it. A letter is known by its Message-ID, which is made of random letters.
CREATE TABLE record.direct_letter (
    tenant int NOT NULL, letter text COLLATE "C" NOT NULL, partner text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,                        -- leaving -> sent -> processed -> delivered; any of these -> failed
    why text NOT NULL DEFAULT '',
    begun timestamptz NOT NULL, sent timestamptz, updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, letter)
);
CREATE INDEX direct_letter_partner ON record.direct_letter (tenant, partner, begun);

-- Mail that was not taken: it lies in the folder of the mailbox that is named for that.
CREATE TABLE record.direct_refused (
    tenant int NOT NULL, mail bytea NOT NULL,               -- of its bytes, keyed
    sender text NOT NULL,                                   -- who says to have sent it; '' where it is no address
    reason text NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (tenant, mail)
);

REVOKE ALL ON record.direct_mailbox, record.direct_run, record.direct_partner, record.direct_certificate, record.direct_letter, record.direct_refused FROM sojourn_app;
