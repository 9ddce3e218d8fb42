-- What this server does by itself at a partner's SFTP server: fetching and bringing, by a schedule.
CREATE TABLE record.sftp_errand (
    tenant int NOT NULL, errand text COLLATE "C" NOT NULL, partner text COLLATE "C" NOT NULL,
    facts text NOT NULL,                                    -- where, which way, how often, by which host key they are known; as JSON (gate/exchange/errands.py); no secret
    state text COLLATE "C" NOT NULL,                        -- active <-> stopped
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX sftp_errand_one ON record.sftp_errand (tenant, errand) WHERE known_to = 'infinity';

-- How far each is.
CREATE TABLE record.sftp_errand_run (
    tenant int NOT NULL, errand text COLLATE "C" NOT NULL,
    due timestamptz NOT NULL, lease timestamptz NOT NULL DEFAULT '-infinity', runner text COLLATE "C" NOT NULL DEFAULT '',
    tries int NOT NULL DEFAULT 0,                           -- since it last went well
    began timestamptz, good timestamptz, problem text NOT NULL DEFAULT '', files int NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, errand)
);

-- Files of theirs that were seen or fetched, and files that were brought: each once.
CREATE TABLE record.sftp_errand_file (
    tenant int NOT NULL, errand text COLLATE "C" NOT NULL, path bytea NOT NULL,  -- keyed
    stamp text COLLATE "C" NOT NULL,                        -- size and time of theirs, or the digest of what was brought
    state text COLLATE "C" NOT NULL,                        -- seen -> done
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, errand, path)
);

REVOKE ALL ON record.sftp_errand, record.sftp_errand_run, record.sftp_errand_file FROM sojourn_app;
