-- By which references a version differs for whoever is shown everything redacted, where it differs by references alone (gate/plainly.py): it does where of one part none of
-- the targets is labelled. Asked again whenever a label comes or goes (functions/16_telling.sql).
CREATE TABLE record.telling (
    tenant int NOT NULL,
    seq bigint NOT NULL,                    -- of record.version
    part int NOT NULL,
    target text COLLATE "C" NOT NULL,       -- Type/id
    PRIMARY KEY (tenant, seq, part, target));
CREATE INDEX telling_target ON record.telling (tenant, target, seq);

-- What was edited before is looked at beside everything else (gate/tellingagain.py). A new organization has nothing to catch up with.
CREATE TABLE record.telling_backlog (
    tenant int PRIMARY KEY,
    place bigint NOT NULL DEFAULT 0,        -- versions up to this one are done
    until bigint NOT NULL,
    finished timestamptz);
INSERT INTO record.telling_backlog (tenant, until) SELECT v.tenant, max(v.seq) FROM record.version v GROUP BY v.tenant;
REVOKE ALL ON record.telling, record.telling_backlog FROM sojourn_app;

CREATE FUNCTION record.label_turned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.tells_again(NEW.tenant, ARRAY[NEW.type || '/' || NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER label_turned AFTER UPDATE OF own ON record.resource FOR EACH ROW WHEN ((OLD.own = 0) <> (NEW.own = 0)) EXECUTE FUNCTION record.label_turned();
-- Of what was deleted its last version says the laws.
CREATE TRIGGER label_turned AFTER UPDATE OF own ON record.version FOR EACH ROW WHEN (NEW.kind = 'delete' AND (OLD.own = 0) <> (NEW.own = 0)) EXECUTE FUNCTION record.label_turned();
