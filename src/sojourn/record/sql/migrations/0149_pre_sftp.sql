-- SFTP: who may connect, with which keys, and the boxes in which files arrive. Nothing that is readable here names anybody: names of files
-- are sealed, and so is every piece of them from the moment at which it arrives.

-- How a partner of record.exchange_partner connects. A login is one on the whole server.
CREATE TABLE record.sftp_account (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    login text COLLATE "C" NOT NULL,
    facts text NOT NULL,                                    -- what was agreed, as JSON (gate/exchange/sftp.py); no secret
    state text COLLATE "C" NOT NULL,                        -- active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX sftp_account_one ON record.sftp_account (tenant, partner) WHERE known_to = 'infinity';
CREATE UNIQUE INDEX sftp_account_login ON record.sftp_account (login) WHERE known_to = 'infinity';

-- Keys with which a partner proves who they are. Public halves only.
CREATE TABLE record.sftp_key (
    tenant int NOT NULL, key text COLLATE "C" NOT NULL, partner text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL, public text NOT NULL, name text NOT NULL DEFAULT '',
    good_from timestamptz NOT NULL, good_to timestamptz NOT NULL DEFAULT 'infinity',
    added timestamptz NOT NULL, author text COLLATE "C" NOT NULL,
    revoked timestamptz NOT NULL DEFAULT 'infinity', revoker text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    used timestamptz,                                       -- when somebody last came in with it
    PRIMARY KEY (tenant, key)
);
CREATE UNIQUE INDEX sftp_key_once ON record.sftp_key (tenant, partner, fingerprint) WHERE revoked = 'infinity';

-- Files in a partner's box.
CREATE TABLE record.sftp_file (
    tenant int NOT NULL, file text COLLATE "C" NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, partner text COLLATE "C" NOT NULL,
    path bytea NOT NULL,                                    -- of its name, keyed
    name bytea NOT NULL,                                    -- sealed
    state text COLLATE "C" NOT NULL,                        -- open (being written) -> whole (under a name that says that it is not finished) -> kept (picked up)
    size bigint NOT NULL DEFAULT 0, parts int NOT NULL DEFAULT 0,
    message text COLLATE "C",                               -- of record.exchange_message, once kept
    fresh boolean NOT NULL DEFAULT true,                    -- false: the same bytes had come before
    verdict text COLLATE "C" NOT NULL DEFAULT '',           -- accepted, refused or waits: what its receipt says, from the file alone
    said bytea,                                             -- the rest of the receipt, sealed
    told boolean NOT NULL DEFAULT false,                    -- the partner took its receipt away
    begun timestamptz NOT NULL, updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, file)
);
CREATE UNIQUE INDEX sftp_file_path ON record.sftp_file (tenant, partner, path) WHERE state <> 'kept';
CREATE INDEX sftp_file_box ON record.sftp_file (tenant, partner, seq);
CREATE INDEX sftp_file_message ON record.sftp_file (tenant, message) WHERE message IS NOT NULL;

CREATE TABLE record.sftp_part (
    tenant int NOT NULL, file text COLLATE "C" NOT NULL, n int NOT NULL,
    size int NOT NULL, body bytea NOT NULL,                 -- sealed
    PRIMARY KEY (tenant, file, n)
);

REVOKE ALL ON record.sftp_account, record.sftp_key, record.sftp_file, record.sftp_part FROM sojourn_app;
