-- On what grounds somebody sees something of a patient, in one table: relations and grants of consents (docs/decisions/0094-grounds.md). What was two
-- lookups beside each row is one. `record.relation` and `record.consent_grant` stay as what is written and read elsewhere: views of their own rows.
ALTER TABLE record.consent_grant RENAME TO ground;
DROP INDEX record.consent_grant_reach, record.consent_grant_patient, record.consent_grant_consent, record.consent_grant_deny;
ALTER TABLE record.ground
    DROP COLUMN bits,
    ADD COLUMN kind text COLLATE "C",             -- of a relation: care-team, episode ...
    ADD COLUMN source text COLLATE "C",           -- of a relation: the Type/id that it follows from
    ALTER COLUMN consent DROP NOT NULL,
    ALTER COLUMN consent_seq DROP NOT NULL,
    ALTER COLUMN effect SET DEFAULT 'relation',
    ALTER COLUMN basis SET DEFAULT 0,
    ALTER COLUMN purpose SET DEFAULT '*',
    ALTER COLUMN action SET DEFAULT '*',
    ALTER COLUMN valid_from SET DEFAULT '-infinity',
    ALTER COLUMN valid_to SET DEFAULT 'infinity',
    ADD CONSTRAINT ground_is_one_of_two CHECK (CASE effect WHEN 'relation' THEN kind IS NOT NULL AND source IS NOT NULL AND consent IS NULL
                                               ELSE consent IS NOT NULL AND consent_seq IS NOT NULL AND source IS NULL END);
INSERT INTO record.ground (tenant, patient, recipient, kind, source, valid_from, valid_to, known_from, known_to)
SELECT tenant, patient, actor, kind, source, valid_from, valid_to, known_from, known_to FROM record.relation;
DROP TABLE record.relation;

-- What each adds to how somebody stands with a patient (0011): a relation is bit 55.
ALTER TABLE record.ground ADD COLUMN bits bigint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN effect = 'relation' THEN 36028797018963968
         WHEN effect = 'deny' THEN 144115188075855872
         WHEN effect <> 'permit' OR purpose = '*' OR action = '*' THEN 0
         WHEN types IS NOT NULL OR codes IS NOT NULL OR data_from IS NOT NULL OR data_to IS NOT NULL OR resources IS NOT NULL
             THEN 72057594037927936
         WHEN programs IS NOT NULL THEN (basis & 1154047404513689598) | 18014398509481984
         ELSE basis & 1154047404513689598 END) STORED;

CREATE INDEX ground_reach ON record.ground (tenant, patient, recipient) INCLUDE (purpose, action, bits, programs, valid_from, valid_to)
    WHERE known_to = 'infinity';
CREATE INDEX ground_deny ON record.ground (tenant, recipient) WHERE effect = 'deny' AND known_to = 'infinity';
CREATE INDEX grant_patient ON record.ground (tenant, patient, recipient, basis) WHERE effect <> 'relation';
CREATE INDEX grant_consent ON record.ground (tenant, consent) WHERE effect <> 'relation';
CREATE INDEX relation_patient ON record.ground (tenant, patient, recipient) WHERE effect = 'relation';
CREATE INDEX relation_actor ON record.ground (tenant, recipient, patient) WHERE effect = 'relation';
CREATE INDEX relation_source ON record.ground (tenant, source) WHERE effect = 'relation';

CREATE VIEW record.consent_grant WITH (security_invoker = true) AS
SELECT tenant, patient, consent, consent_seq, effect, basis, recipient, purpose, action, programs, types, codes, data_from, data_to, resources,
       valid_from, valid_to, known_from, known_to, bits
FROM record.ground WHERE effect <> 'relation' WITH CHECK OPTION;
CREATE VIEW record.relation WITH (security_invoker = true) AS
SELECT tenant, patient, recipient AS actor, kind, source, valid_from, valid_to, known_from, known_to
FROM record.ground WHERE effect = 'relation' WITH CHECK OPTION;
GRANT SELECT ON record.consent_grant, record.relation TO sojourn_read;
ANALYZE record.ground;
