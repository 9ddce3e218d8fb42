-- What is put out for a partner by SFTP: an export, never its files. Each line of them is made and decided when it is taken.
CREATE TABLE record.sftp_drop (
    tenant int NOT NULL, drop_id text COLLATE "C" NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, partner text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,                        -- with which the names of its files begin
    app text COLLATE "C" NOT NULL,                          -- the service for which it is decided
    export text COLLATE "C" NOT NULL,                       -- of record.export
    state text COLLATE "C" NOT NULL,                        -- out -> withdrawn
    author text COLLATE "C" NOT NULL, created timestamptz NOT NULL, until timestamptz NOT NULL,
    PRIMARY KEY (tenant, drop_id)
);
CREATE INDEX sftp_drop_partner ON record.sftp_drop (tenant, partner, seq);

-- Files that a partner took to their end, and that it removed.
CREATE TABLE record.sftp_taken (
    tenant int NOT NULL, drop_id text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
    taken timestamptz, size bigint NOT NULL DEFAULT 0, times int NOT NULL DEFAULT 0, hidden boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, drop_id, name)
);

REVOKE ALL ON record.sftp_drop, record.sftp_taken FROM sojourn_app;
