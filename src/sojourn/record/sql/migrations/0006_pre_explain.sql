-- What the labels of a version were before they were changed, so that a past decision can be explained with the labels of its day.
-- label_change tells why; this also keeps the origin, and what a deletion laid over the versions before it.

CREATE TABLE record.label_before (
    tenant int NOT NULL, seq bigint NOT NULL,
    known timestamptz NOT NULL,                             -- until when the version was known under these labels
    own bigint NOT NULL, parts bigint NOT NULL,
    origin int[] NOT NULL,
    PRIMARY KEY (tenant, seq, known)
);

-- At the end of the transaction, when it is written who changed them and when.
CREATE FUNCTION record.keep_labels() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.label_before (tenant, seq, known, own, parts, origin)
    SELECT OLD.tenant, OLD.seq, greatest(
               (SELECT max(v.updated) FROM record.version v WHERE v.tenant = OLD.tenant AND v.type = OLD.type AND v.id = OLD.id),
               (SELECT max(c.known) FROM record.label_change c WHERE c.tenant = OLD.tenant AND c.seq = OLD.seq)),
           OLD.own, OLD.parts, OLD.origin
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER keep_labels AFTER UPDATE OF own, parts, origin ON record.version DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.own IS DISTINCT FROM NEW.own OR OLD.parts IS DISTINCT FROM NEW.parts OR OLD.origin IS DISTINCT FROM NEW.origin)
EXECUTE FUNCTION record.keep_labels();

-- The privacy officers of organizations that are there already; new ones get it from roles.toml.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'privacy-officer', '{*}', '{explain}' FROM record.tenant t
WHERE NOT EXISTS (SELECT FROM record.role_rule x WHERE x.tenant = t.tenant AND x.role = 'privacy-officer' AND 'explain' = ANY (x.actions));

REVOKE ALL ON record.label_before FROM sojourn_app;
