-- Consents compiled anew by the server itself (gate/grantjob.py): how far it is. A row is begun when the rules by which Consents become grants are
-- others than those of the newest row; what was compiled before this table was there is compiled anew at the first start.
CREATE TABLE record.grant_job (
    tenant int NOT NULL,
    job bigint GENERATED ALWAYS AS IDENTITY,
    edition int NOT NULL,                     -- of the program that compiles: an older one leaves alone what a newer one did
    rules text COLLATE "C" NOT NULL,          -- a digest of what compiling follows beside the Consents
    place text COLLATE "C" NOT NULL DEFAULT '',  -- the Consents up to this id are done
    looked int NOT NULL DEFAULT 0,
    closed int NOT NULL DEFAULT 0,
    added int NOT NULL DEFAULT 0,
    started timestamptz NOT NULL,
    moved timestamptz NOT NULL,
    finished timestamptz,
    PRIMARY KEY (tenant, job)
);

REVOKE ALL ON record.grant_job FROM sojourn_app;
