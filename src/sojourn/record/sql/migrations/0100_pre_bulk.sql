-- Bulk exports (docs/decisions/0042-bulk.md): what was asked for, how far it is, and where its files are cut. No file is stored: every line is
-- made, and decided, when it is downloaded.

CREATE TABLE record.export (
    tenant int NOT NULL, export text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL, door text COLLATE "C" NOT NULL, purpose text COLLATE "C" NOT NULL,
    scopes text COLLATE "C" NOT NULL DEFAULT '',            -- of the token that asked, sorted; '' without any
    credential bytea NOT NULL,                              -- under which it is worked on; of no secret that anybody knows
    request text NOT NULL,                                  -- the address that was asked
    asked text NOT NULL,                                    -- what was asked for, as JSON (gate/bulk/asking.py)
    state text COLLATE "C" NOT NULL DEFAULT 'waiting',      -- waiting -> running -> done; failed
    problem text COLLATE "C" NOT NULL DEFAULT '',
    begun timestamptz NOT NULL,                             -- resources up to this moment are in it
    horizon bigint NOT NULL DEFAULT (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint, -- transactions that must have ended before it is worked on
    finished timestamptz, expires timestamptz NOT NULL,
    kinds int NOT NULL, kind int NOT NULL DEFAULT 0,        -- how many kinds of lines there are to make, and how many are done
    runner text COLLATE "C" NOT NULL DEFAULT '', lease timestamptz NOT NULL DEFAULT '-infinity', tries int NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, export)
);
CREATE INDEX export_open ON record.export (begun) WHERE state IN ('waiting', 'running');

-- A stretch of one kind of lines: from after one place up to another, in the order of patients and of making.
CREATE TABLE record.export_part (
    tenant int NOT NULL, export text COLLATE "C" NOT NULL, kind int NOT NULL, n int NOT NULL,
    file int NOT NULL,                                      -- the number of the file of its kind, from 1
    after_patient text COLLATE "C" NOT NULL, after_rid bigint NOT NULL, to_patient text COLLATE "C" NOT NULL, to_rid bigint NOT NULL,
    count int NOT NULL, size bigint NOT NULL, digest bytea NOT NULL,
    again int NOT NULL DEFAULT 0,                           -- how often it was found to be another when it was downloaded
    PRIMARY KEY (tenant, export, kind, n)
);

-- What a caller subject to redaction sees of a resource in which nothing is hidden, kept so that a walk through millions need not work it out each
-- time. body: null where that is what is stored; empty where nothing is left. It is dropped with what it was made from.
CREATE TABLE record.plain_form (
    tenant int NOT NULL, seq bigint NOT NULL, body bytea,
    PRIMARY KEY (tenant, seq)
);
ALTER TABLE record.plain_form ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON record.plain_form FOR SELECT TO sojourn_read USING (tenant = (SELECT cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)));
GRANT SELECT ON record.plain_form TO sojourn_read;

CREATE FUNCTION record.drop_plain_form() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM record.plain_form f WHERE f.tenant = OLD.tenant AND f.seq = OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER plain_form_changed AFTER UPDATE ON record.resource FOR EACH ROW
    WHEN (OLD.seq = OLD.rid AND (OLD.seq IS DISTINCT FROM NEW.seq OR OLD.body IS DISTINCT FROM NEW.body OR OLD.parts <> NEW.parts))
    EXECUTE FUNCTION record.drop_plain_form();
CREATE TRIGGER plain_form_gone AFTER DELETE ON record.resource FOR EACH ROW WHEN (OLD.seq = OLD.rid) EXECUTE FUNCTION record.drop_plain_form();

-- Organizations that are there already: who may ask for exports, and who may send imports.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{Bulk}'::text[], CASE x.role WHEN 'outside' THEN '{export}'::text[] ELSE '{export,import}'::text[] END
FROM record.role_rule x WHERE x.known_to = 'infinity' AND x.role IN ('system', 'integration-manager', 'outside');

INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{Group}'::text[], '{read,search,history}'::text[] FROM record.role_rule x WHERE x.known_to = 'infinity' AND x.role = 'outside';

REVOKE ALL ON record.export, record.export_part, record.plain_form FROM sojourn_app;
