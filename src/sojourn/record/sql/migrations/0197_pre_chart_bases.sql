-- What all of a chart has in common: the bases that each of its rows carries, and the programs that made any of them. An export leaves out a chart of which nothing may be
-- seen without going through it (gate/bulk/walking.py, decision 86). Bases only ever leave it, programs only ever join it: it may say too little, never too much.
CREATE TABLE record.chart_bases (
    tenant int NOT NULL,
    patient text COLLATE "C" NOT NULL,
    own bigint NOT NULL,
    programs int[] NOT NULL,
    PRIMARY KEY (tenant, patient) INCLUDE (own, programs)
);
ALTER TABLE record.chart_bases ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON record.chart_bases FOR SELECT TO sojourn_read USING (tenant = (SELECT cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)));
GRANT SELECT ON record.chart_bases TO sojourn_read;
REVOKE ALL ON record.chart_bases FROM sojourn_app;

-- Of rows that were written: charts of which they are the first, or that have now less in common. Nearly always none, and nothing is locked.
CREATE FUNCTION record.note_bases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO record.chart_bases AS c (tenant, patient, own, programs)
    SELECT a.tenant, a.patient, bit_and(a.own), coalesce(array_agg(DISTINCT o) FILTER (WHERE o IS NOT NULL), '{}')
    FROM added a LEFT JOIN LATERAL unnest(a.origin) AS o ON true
    WHERE a.patient IS NOT NULL
      AND NOT coalesce((SELECT (k.own & ~a.own) = 0 AND a.origin <@ k.programs FROM record.chart_bases k WHERE k.tenant = a.tenant AND k.patient = a.patient), false)
    GROUP BY a.tenant, a.patient ORDER BY a.tenant, a.patient
    ON CONFLICT (tenant, patient) DO UPDATE SET own = c.own & EXCLUDED.own, programs = ARRAY(SELECT DISTINCT p FROM unnest(c.programs || EXCLUDED.programs) AS p ORDER BY p);
    RETURN NULL;
END $$;
CREATE FUNCTION record.note_bases_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO record.chart_bases AS c (tenant, patient, own, programs) VALUES (NEW.tenant, NEW.patient, NEW.own, NEW.origin)
    ON CONFLICT (tenant, patient) DO UPDATE SET own = c.own & EXCLUDED.own, programs = ARRAY(SELECT DISTINCT p FROM unnest(c.programs || EXCLUDED.programs) AS p ORDER BY p);
    RETURN NULL;
END $$;
CREATE TRIGGER bases_added AFTER INSERT ON record.resource REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record.note_bases();
CREATE TRIGGER bases_changed AFTER UPDATE ON record.resource FOR EACH ROW
    WHEN (NEW.patient IS NOT NULL AND ((OLD.own & ~NEW.own) <> 0 OR NOT NEW.origin <@ OLD.origin OR OLD.patient IS DISTINCT FROM NEW.patient))
    EXECUTE FUNCTION record.note_bases_anew();

INSERT INTO record.chart_bases (tenant, patient, own, programs)
SELECT r.tenant, r.patient, bit_and(r.own), coalesce(array_agg(DISTINCT o) FILTER (WHERE o IS NOT NULL), '{}')
FROM record.resource r LEFT JOIN LATERAL unnest(r.origin) AS o ON true WHERE r.patient IS NOT NULL GROUP BY r.tenant, r.patient;
