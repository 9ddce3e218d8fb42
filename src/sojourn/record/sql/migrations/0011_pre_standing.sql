-- How a caller stands with a patient is worked out from two indexes alone (docs/decisions/0019-standing.md).

-- What one grant adds to it: a permit that is limited by its basis alone is that basis (never "unlabelled"), one that is limited by programs
-- beside it has bit 54, any other is bit 56, and a denial, whatever it denies, bit 57. A * in a permit means nothing.
ALTER TABLE record.consent_grant ADD COLUMN bits bigint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN effect = 'deny' THEN 144115188075855872
         WHEN effect <> 'permit' OR purpose = '*' OR action = '*' THEN 0
         WHEN types IS NOT NULL OR codes IS NOT NULL OR data_from IS NOT NULL OR data_to IS NOT NULL OR resources IS NOT NULL
             THEN 72057594037927936
         WHEN programs IS NOT NULL THEN (basis & 1154047404513689598) | 18014398509481984
         ELSE basis & 1154047404513689598 END) STORED;
CREATE INDEX consent_grant_reach ON record.consent_grant (tenant, patient, recipient) INCLUDE (purpose, action, bits, programs, valid_from, valid_to)
    WHERE known_to = 'infinity';

-- Rows that refer to what carries a basis and is of nobody, or of no program: bit 59 of `refs`. gate.write sets it from now on.
WITH told AS (
    SELECT DISTINCT e.tenant, e.type, e.rid FROM record.resource t
    JOIN record.edge e ON e.tenant = t.tenant AND e.target = t.type || '/' || t.id
    WHERE t.own <> 0 AND (t.patient IS NULL OR t.origin = '{}')
    UNION
    SELECT e.tenant, e.type, e.rid FROM record.version t
    JOIN record.edge e ON e.tenant = t.tenant AND e.target = t.type || '/' || t.id
    WHERE t.own <> 0 AND (t.patient IS NULL OR t.origin = '{}') AND t.kind = 'delete'),
versions AS (
    UPDATE record.version v SET refs = v.refs | 576460752303423488 FROM told
    WHERE v.tenant = told.tenant AND v.type = told.type AND v.rid = told.rid RETURNING 1)
UPDATE record.resource r SET refs = r.refs | 576460752303423488 FROM told
WHERE r.tenant = told.tenant AND r.type = told.type AND r.rid = told.rid;

-- The second check on the tenant (0001) for the two tables that are asked once a row: worked out once a statement.
ALTER POLICY tenant ON record.consent_grant USING (tenant = (SELECT cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)));
ALTER POLICY tenant ON record.relation USING (tenant = (SELECT cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)));
