-- Psychotherapy notes and SUD counseling notes (bases 4 and 8) in a table of their own, sealed under a key of their own. Who reads rows of the
-- record or a copy of them has nothing but an empty body; the server opens one for whoever the predicate lets see its row.
--
-- sealed: a byte 1, a byte of marks (1: it is closed by a signature), and the body under AES-SIV. What was there before this table is moved
-- into it by the server, which has the key (gate/keepingapart.py).
CREATE TABLE record.kept_apart (
    tenant int NOT NULL, seq bigint NOT NULL, sealed bytea NOT NULL,
    PRIMARY KEY (tenant, seq)
);

-- What is labelled so and still stands in the open: relabelled since, or written before this table. Empty nearly always.
CREATE INDEX version_in_the_open ON record.version (tenant, seq)
    WHERE (own & 12) <> 0 AND body IS NOT NULL AND (body <> '' OR blobs IS DISTINCT FROM '{apart}'::text[]);

-- Files of attachments that a note took along into its sealed body, to be removed if nothing else holds them.
CREATE TABLE record.blob_leftover (
    tenant int NOT NULL, digest text COLLATE "C" NOT NULL, since timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest)
);
