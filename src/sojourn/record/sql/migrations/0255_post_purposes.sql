-- A grant is for several purposes at once, as the form that it comes from is (docs/decisions/0118-purposes-of-a-grant.md). What differed in its purpose alone becomes one row;
-- of what was closed, too, so that the past says what it said. Relations stay as they are.
CREATE TEMPORARY TABLE grants ON COMMIT DROP AS SELECT * FROM record.consent_grant;
CREATE TEMPORARY TABLE relations ON COMMIT DROP AS SELECT * FROM record.relation;
DROP VIEW record.consent_grant, record.relation;
DROP TABLE record.ground;
ALTER TYPE record.grant_row RENAME ATTRIBUTE purpose TO purposes CASCADE;
ALTER TYPE record.grant_row ALTER ATTRIBUTE purposes TYPE text[] CASCADE;

CREATE TABLE record.ground (
    tenant int NOT NULL,
    patient text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,         -- of a relation: who it is with
    effect text COLLATE "C" NOT NULL DEFAULT 'relation',  -- permit, deny, label, or relation
    basis bigint NOT NULL DEFAULT 0,
    purposes text[] COLLATE "C" NOT NULL DEFAULT '{*}',   -- in order; {*}: any, which no permit is for
    action text COLLATE "C" NOT NULL DEFAULT '*',
    programs int[],
    types text[] COLLATE "C",
    codes bigint[],
    data_from timestamptz,
    data_to timestamptz,
    resources text[] COLLATE "C",
    consent text COLLATE "C",                    -- of a grant
    consent_seq bigint,
    kind text COLLATE "C",                       -- of a relation: care-team, episode ...
    source text COLLATE "C",                     -- of a relation: the Type/id that it follows from
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL DEFAULT 'infinity',
    -- What each adds to how somebody stands with a patient: a relation bit 55; a permit that is limited by its basis alone that basis (never
    -- "unlabelled"), one that is limited by programs beside it bit 54, any other bit 56; a denial, whatever it denies, bit 57.
    bits bigint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN effect = 'relation' THEN 36028797018963968
             WHEN effect = 'deny' THEN 144115188075855872
             WHEN effect <> 'permit' OR purposes = '{*}' OR action = '*' THEN 0
             WHEN types IS NOT NULL OR codes IS NOT NULL OR data_from IS NOT NULL OR data_to IS NOT NULL OR resources IS NOT NULL
                 THEN 72057594037927936
             WHEN programs IS NOT NULL THEN (basis & 1154047404513689598) | 18014398509481984
             ELSE basis & 1154047404513689598 END) STORED,
    CONSTRAINT ground_purposes CHECK (purposes = '{*}' OR (cardinality(purposes) > 0 AND NOT '*' = ANY (purposes))),
    CONSTRAINT ground_is_one_of_two CHECK (CASE effect WHEN 'relation' THEN kind IS NOT NULL AND source IS NOT NULL AND consent IS NULL
                                           ELSE consent IS NOT NULL AND consent_seq IS NOT NULL AND source IS NULL END)
);
INSERT INTO record.ground (tenant, patient, recipient, effect, basis, purposes, action, programs, types, codes, data_from, data_to, resources, consent, consent_seq,
                           valid_from, valid_to, known_from, known_to)
SELECT tenant, patient, recipient, effect, basis, array_agg(DISTINCT purpose ORDER BY purpose), action, programs, types, codes, data_from, data_to, resources, consent, consent_seq,
       valid_from, valid_to, known_from, known_to
FROM grants
GROUP BY tenant, patient, recipient, effect, basis, action, programs, types, codes, data_from, data_to, resources, consent, consent_seq, valid_from, valid_to, known_from, known_to,
         purpose = '*';  -- a denial of everything stays beside one for a purpose
INSERT INTO record.ground (tenant, patient, recipient, kind, source, valid_from, valid_to, known_from, known_to)
SELECT tenant, patient, actor, kind, source, valid_from, valid_to, known_from, known_to FROM relations;

ALTER TABLE record.ground ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON record.ground FOR SELECT TO sojourn_read
    USING (tenant = (SELECT cast('0' || coalesce(current_setting('gate.tenant', true), '') AS int)));

CREATE INDEX ground_reach ON record.ground (tenant, patient, recipient) INCLUDE (purposes, action, bits, programs, valid_from, valid_to)
    WHERE known_to = 'infinity';
CREATE INDEX ground_deny ON record.ground (tenant, recipient) WHERE effect = 'deny' AND known_to = 'infinity';
CREATE INDEX grant_patient ON record.ground (tenant, patient, recipient, basis) WHERE effect <> 'relation';
CREATE INDEX grant_consent ON record.ground (tenant, consent) WHERE effect <> 'relation';
CREATE INDEX relation_patient ON record.ground (tenant, patient, recipient) WHERE effect = 'relation';
CREATE INDEX relation_actor ON record.ground (tenant, recipient, patient) WHERE effect = 'relation';
CREATE INDEX relation_source ON record.ground (tenant, source) WHERE effect = 'relation';

CREATE VIEW record.consent_grant WITH (security_invoker = true) AS
SELECT tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs, types, codes, data_from, data_to, resources,
       valid_from, valid_to, known_from, known_to, bits
FROM record.ground WHERE effect <> 'relation' WITH CHECK OPTION;
CREATE VIEW record.relation WITH (security_invoker = true) AS
SELECT tenant, patient, recipient AS actor, kind, source, valid_from, valid_to, known_from, known_to
FROM record.ground WHERE effect = 'relation' WITH CHECK OPTION;
GRANT SELECT ON record.ground, record.consent_grant, record.relation TO sojourn_read;
ANALYZE record.ground;
