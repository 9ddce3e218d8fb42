-- References of the past that lead into another chart than their own resource is in, or from none: what became a note kept apart is looked for there, too
-- (gate.telling_of). gate.write keeps those that an edit replaces.
CREATE TABLE record.past_edge (
    tenant int NOT NULL,
    target text COLLATE "C" NOT NULL, -- Type/id
    type text COLLATE "C" NOT NULL,
    rid bigint NOT NULL,
    PRIMARY KEY (tenant, target, type, rid));

-- Those of before: by the references in past versions.
INSERT INTO record.past_edge (tenant, target, type, rid)
SELECT DISTINCT v.tenant, m.found[1], v.type, v.rid
FROM record.version v
CROSS JOIN LATERAL regexp_matches(convert_from(v.body, 'UTF8'), '"reference":"([A-Za-z]+/[A-Za-z0-9.-]{1,64})', 'g') AS m(found)
JOIN record.resource t ON t.tenant = v.tenant AND t.type = split_part(m.found[1], '/', 1) AND t.id = split_part(m.found[1], '/', 2)
WHERE v.body IS NOT NULL AND v.body <> '' AND t.patient IS NOT NULL AND t.patient IS DISTINCT FROM v.patient
  AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = v.tenant AND r.type = v.type AND r.id = v.id AND r.seq = v.seq)
ON CONFLICT DO NOTHING;
