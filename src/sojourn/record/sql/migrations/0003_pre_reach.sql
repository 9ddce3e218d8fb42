-- Reach: whose charts a role opens. Who has to do with a patient is one maintained table (record.relation); staff need a row of it, too.
--
-- Keys of staff in it: program:n (works in that program), Practitioner/x@0 and Location/x@0 (that person, that unit), and @n in place of
-- @0 where what says so is under Part 2 and by program n: only who works in n holds that key, so nobody else learns of the patient by it.

-- For how long something said goes on to relate people after it is over: documentation, questions, a return.
CREATE TABLE record.reach_time (
    tenant int NOT NULL,
    kind text COLLATE "C" NOT NULL,                         -- kind of relation: registered, episode, care-team, visit, appointment, referral
    days int NOT NULL CHECK (days >= 0),
    author text COLLATE "C" NOT NULL DEFAULT '', reason text NOT NULL DEFAULT '',
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX reach_time_kind ON record.reach_time (tenant, kind);

-- Where programs work: roles that reach their sites reach the programs there (never a Part 2 program that is not their own).
CREATE TABLE record.program_site (
    tenant int NOT NULL, program int NOT NULL,
    site text COLLATE "C" NOT NULL,                         -- Location/id or a name of the deployer's
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX program_site_program ON record.program_site (tenant, program);

-- SMART scopes of a token, and the patient in whose context it is. Null: whatever its account may do.
ALTER TABLE record.credential ADD COLUMN scopes text, ADD COLUMN patient text COLLATE "C";

-- Under whose law minors are treated here; without a row the strictest of all that gate/minors.toml knows.
CREATE TABLE record.jurisdiction (
    tenant int NOT NULL, state text COLLATE "C" NOT NULL,   -- two letters, as USPS writes them
    valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL DEFAULT now(), known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE INDEX jurisdiction_tenant ON record.jurisdiction (tenant);

-- Who changed a role, and why.
ALTER TABLE record.role_rule
    ADD COLUMN author text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN reason text NOT NULL DEFAULT '';

-- The one question of every statement: is there a relation now? Answered from the index alone.
CREATE INDEX relation_reach ON record.relation (tenant, patient, actor, valid_to, valid_from) WHERE known_to = 'infinity';

-- References across patients ---------------------------------------------------------------------------------------------------
-- A row that refers to something that is not of its own patient has bit 62 in `refs`: who needs relations is not served its bytes as
-- they are. Kept here and not in gate.write, which writes refs anew at every change: the bit is added after it and stays.

-- Types that are in nobody's chart and refer to nobody.
CREATE FUNCTION record.of_nobody() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS
$$ SELECT '{Practitioner,PractitionerRole,Organization,OrganizationAffiliation,Location,HealthcareService,Endpoint,Medication,MedicationKnowledge,Substance,Questionnaire,PlanDefinition,ActivityDefinition,Measure,Library,ValueSet,CodeSystem}'::text[] $$;

CREATE FUNCTION record.mark_across() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH hit AS (
        SELECT DISTINCT s.tenant, s.type, s.rid
        FROM added e JOIN record.resource s ON s.tenant = e.tenant AND s.type = e.type AND s.rid = e.rid
        WHERE (s.refs & 4611686018427387904) = 0 AND e.target IS DISTINCT FROM 'Patient/' || s.patient
          AND split_part(e.target, '/', 1) <> ALL (record.of_nobody())
          AND NOT EXISTS (SELECT FROM record.resource t
                          WHERE t.tenant = e.tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2)
                            AND t.patient = s.patient)),
    moved AS (
        UPDATE record.resource r SET refs = r.refs | 4611686018427387904 FROM hit
        WHERE r.tenant = hit.tenant AND r.type = hit.type AND r.rid = hit.rid RETURNING r.tenant, r.seq)
    UPDATE record.version v SET refs = v.refs | 4611686018427387904 FROM moved WHERE v.tenant = moved.tenant AND v.seq = moved.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_across AFTER INSERT ON record.edge REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record.mark_across();

CREATE FUNCTION record.keep_across() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE record.resource r SET refs = r.refs | 4611686018427387904 WHERE r.tenant = NEW.tenant AND r.type = NEW.type AND r.rid = NEW.rid;
    UPDATE record.version v SET refs = v.refs | 4611686018427387904 WHERE v.tenant = NEW.tenant AND v.seq = NEW.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_across AFTER UPDATE ON record.resource FOR EACH ROW
    WHEN ((OLD.refs & 4611686018427387904) <> 0 AND (NEW.refs & 4611686018427387904) = 0) EXECUTE FUNCTION record.keep_across();

-- What comes to belong to another patient: so do the references to it, and its own.
CREATE FUNCTION record.move_across() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH hit AS (
        SELECT NEW.type AS type, NEW.rid AS rid
        UNION SELECT e.type, e.rid FROM record.edge e WHERE e.tenant = NEW.tenant AND e.target = NEW.type || '/' || NEW.id),
    moved AS (
        UPDATE record.resource r SET refs = r.refs | 4611686018427387904 FROM hit
        WHERE r.tenant = NEW.tenant AND r.type = hit.type AND r.rid = hit.rid RETURNING r.seq)
    UPDATE record.version v SET refs = v.refs | 4611686018427387904 FROM moved WHERE v.tenant = NEW.tenant AND v.seq = moved.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER move_across AFTER UPDATE ON record.resource FOR EACH ROW
    WHEN (OLD.patient IS DISTINCT FROM NEW.patient) EXECUTE FUNCTION record.move_across();

-- What visits, appointments and referrals say ends with them. (gate.write does the same for care teams, episodes and consents.)
CREATE FUNCTION record.end_relations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE record.relation l SET known_to = NEW.updated
    WHERE l.tenant = NEW.tenant AND l.source = NEW.type || '/' || NEW.id AND l.known_to = 'infinity';
    RETURN NULL;
END $$;
CREATE TRIGGER end_relations AFTER INSERT ON record.version FOR EACH ROW
    WHEN (NEW.kind IN ('update', 'delete') AND NEW.type IN ('Encounter', 'Appointment', 'ServiceRequest', 'RelatedPerson')) EXECUTE FUNCTION record.end_relations();

-- What comes under a law of its own relates, from then on, only the people of the programs that made it; what nobody sees by their role,
-- nobody. (Care teams and episodes are compiled anew where they are relabelled.)
CREATE FUNCTION record.hush_relations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE record.relation l SET known_to = NEW.updated
    WHERE l.tenant = NEW.tenant AND l.source = NEW.type || '/' || NEW.id AND l.known_to = 'infinity'
      AND ((NEW.own & 13) <> 0 OR NOT starts_with(l.actor, 'program:'));
    RETURN NULL;
END $$;
CREATE TRIGGER hush_relations AFTER UPDATE ON record.resource FOR EACH ROW
    WHEN (OLD.own <> NEW.own AND NEW.own <> 0 AND NEW.type IN ('CareTeam', 'EpisodeOfCare', 'Encounter', 'Appointment', 'ServiceRequest'))
    EXECUTE FUNCTION record.hush_relations();

-- What is there already --------------------------------------------------------------------------------------------------------
WITH hit AS (
    SELECT DISTINCT s.tenant, s.type, s.rid, s.seq
    FROM record.edge e JOIN record.resource s ON s.tenant = e.tenant AND s.type = e.type AND s.rid = e.rid
    WHERE e.target IS DISTINCT FROM 'Patient/' || s.patient AND split_part(e.target, '/', 1) <> ALL (record.of_nobody())
      AND NOT EXISTS (SELECT FROM record.resource t
                      WHERE t.tenant = e.tenant AND t.type = split_part(e.target, '/', 1) AND t.id = split_part(e.target, '/', 2)
                        AND t.patient = s.patient)),
versions AS (
    UPDATE record.version v SET refs = v.refs | 4611686018427387904 FROM hit
    WHERE v.tenant = hit.tenant AND v.type = hit.type AND v.rid = hit.rid RETURNING 1)
UPDATE record.resource r SET refs = r.refs | 4611686018427387904 FROM hit
WHERE r.tenant = hit.tenant AND r.type = hit.type AND r.rid = hit.rid;

UPDATE record.relation SET actor = actor || '@0'
WHERE kind IN ('care-team', 'episode') AND actor LIKE 'Practitioner/%' AND actor NOT LIKE '%@%';
-- Everybody to whom the programs that made a Patient, a visit or an episode gave care: their people, from the beginning and for 180 days
-- after its last day. What is written from now on says it more exactly (gate/relationships.py).
INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_to, known_from)
SELECT r.tenant, r.patient, 'program:' || p.program, CASE r.type WHEN 'Patient' THEN 'registered' WHEN 'Encounter' THEN 'visit' ELSE 'episode' END,
       r.type || '/' || r.id,
       CASE WHEN r.type = 'Patient' THEN now() + interval '90 days'
            ELSE coalesce((e.day || CASE length(e.day) WHEN 4 THEN '-12-31' WHEN 7 THEN '-28' ELSE '' END)::timestamptz + interval '180 days', 'infinity') END, now()
FROM record.resource r CROSS JOIN LATERAL unnest(r.origin) AS p(program)
CROSS JOIN LATERAL (SELECT convert_from(r.body, 'UTF8')::jsonb -> 'period' ->> 'end' AS day) e
WHERE r.type IN ('Patient', 'Encounter', 'EpisodeOfCare') AND r.patient IS NOT NULL;
INSERT INTO record.relation (tenant, patient, actor, kind, source, known_from)
SELECT r.tenant, r.id, 'Patient/' || r.id, 'self', 'Patient/' || r.id, now() FROM record.resource r WHERE r.type = 'Patient';

INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_to, known_from)
SELECT r.tenant, r.patient, 'RelatedPerson/' || r.id, k.kind, 'RelatedPerson/' || r.id,
       coalesce((e.day || CASE length(e.day) WHEN 4 THEN '-12-31' WHEN 7 THEN '-28' ELSE '' END)::timestamptz, 'infinity'), now()
FROM record.resource r
CROSS JOIN LATERAL (SELECT convert_from(r.body, 'UTF8')::jsonb AS said) b
CROSS JOIN LATERAL (SELECT b.said -> 'period' ->> 'end' AS day) e
CROSS JOIN LATERAL (SELECT CASE
    WHEN jsonb_path_exists(b.said, '$.relationship[*].coding[*].code ? (@ == "GUARD" || @ == "HPOWATT")') THEN 'guardian'
    WHEN jsonb_path_exists(b.said, '$.relationship[*].coding[*].code ? (@ like_regex "^(N?(PRN|MTH|FTH)|ADOPT[PMF]|STP(PRN|MTH|FTH)|(PRN|MTH|FTH)FOST)$")') THEN 'parent'
    END AS kind) k
WHERE r.type = 'RelatedPerson' AND r.patient IS NOT NULL AND k.kind IS NOT NULL AND b.said ->> 'active' IS DISTINCT FROM 'false';

-- How far roles reach that are there already: as roles.toml says for new organizations; every other role to its programs.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{*}'::text[],
       CASE WHEN x.role IN ('privacy-officer', 'integration-manager', 'system', 'admissions') THEN '{reach:organization}'::text[]
            WHEN x.role = 'supervisor' THEN '{reach:programs,reach:care-team,reach:supervised}'
            WHEN x.role = 'technician' THEN '{reach:programs,reach:unit}'
            ELSE '{reach:programs,reach:care-team}' END
FROM record.role_rule x
WHERE x.known_to = 'infinity' AND x.role NOT IN ('outside', 'patient', 'proxy', 'administrator')
  AND NOT EXISTS (SELECT FROM record.role_rule y WHERE y.tenant = x.tenant AND y.role = x.role AND 'reach:programs' = ANY (y.actions));

-- Who edits roles.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{Role}'::text[], '{administer}'::text[] FROM record.role_rule x
WHERE x.known_to = 'infinity' AND x.role IN ('administrator', 'privacy-officer');

REVOKE ALL ON record.reach_time, record.program_site, record.jurisdiction FROM sojourn_app;
