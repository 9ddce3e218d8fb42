-- What the migrations come to. Written by `make schema`; a test holds it equal to them. Do not edit.

CREATE SCHEMA gate;

ALTER SCHEMA gate OWNER TO sojourn_owner;

CREATE SCHEMA house;

ALTER SCHEMA house OWNER TO sojourn_owner;

CREATE SCHEMA record;

ALTER SCHEMA record OWNER TO sojourn_owner;

CREATE TYPE record.audit_row AS (
	recorded timestamp with time zone,
	request text,
	account text,
	role text,
	door text,
	purpose text,
	action text,
	outcome text,
	type text,
	query text,
	patients text[],
	shown bigint[],
	rules bytea
);

ALTER TYPE record.audit_row OWNER TO sojourn_owner;

CREATE TYPE record.date_row AS (
	op integer,
	key bigint,
	low timestamp with time zone,
	high timestamp with time zone,
	mask bigint
);

ALTER TYPE record.date_row OWNER TO sojourn_owner;

CREATE TYPE record.edge_row AS (
	op integer,
	param text,
	target text,
	mask bigint
);

ALTER TYPE record.edge_row OWNER TO sojourn_owner;

CREATE TYPE record.grant_row AS (
	op integer,
	patient text,
	effect text,
	basis bigint,
	recipient text,
	purposes text[],
	action text,
	programs integer[],
	types text[],
	codes bigint[],
	data_from timestamp with time zone,
	data_to timestamp with time zone,
	resources text[],
	valid_from timestamp with time zone,
	valid_to timestamp with time zone
);

ALTER TYPE record.grant_row OWNER TO sojourn_owner;

CREATE TYPE record.labelled_row AS (
	op integer,
	hash bigint,
	mask bigint,
	presence boolean
);

ALTER TYPE record.labelled_row OWNER TO sojourn_owner;

CREATE TYPE record.number_row AS (
	op integer,
	key bigint,
	low double precision,
	high double precision,
	unit bigint,
	mask bigint
);

ALTER TYPE record.number_row OWNER TO sojourn_owner;

CREATE TYPE record.op AS (
	kind text,
	type text,
	id text,
	version text,
	expected bigint,
	plain boolean,
	patient text,
	at timestamp with time zone,
	updated timestamp with time zone,
	own bigint,
	parts bigint,
	tags text[],
	origin integer[],
	tokens bigint[],
	presence bigint[],
	digest bigint,
	blobs text[],
	body bytea
);

ALTER TYPE record.op OWNER TO sojourn_owner;

CREATE TYPE record.relation_row AS (
	op integer,
	patient text,
	actor text,
	kind text,
	valid_from timestamp with time zone,
	valid_to timestamp with time zone
);

ALTER TYPE record.relation_row OWNER TO sojourn_owner;

CREATE TYPE record.sent_row AS (
	op integer,
	codings text
);

ALTER TYPE record.sent_row OWNER TO sojourn_owner;

CREATE TYPE record.string_row AS (
	op integer,
	key bigint,
	folded text,
	exact text,
	mask bigint
);

ALTER TYPE record.string_row OWNER TO sojourn_owner;

CREATE FUNCTION record.drop_plain_form() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM record.plain_form f WHERE f.tenant = OLD.tenant AND f.seq = OLD.seq;
    RETURN NULL;
END $$;

ALTER FUNCTION record.drop_plain_form() OWNER TO sojourn_owner;

CREATE FUNCTION record.end_relations() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE record.relation l SET known_to = NEW.updated
    WHERE l.tenant = NEW.tenant AND l.source = NEW.type || '/' || NEW.id AND l.known_to = 'infinity';
    RETURN NULL;
END $$;

ALTER FUNCTION record.end_relations() OWNER TO sojourn_owner;

CREATE FUNCTION record.hush_relations() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE record.relation l SET known_to = NEW.updated
    WHERE l.tenant = NEW.tenant AND l.source = NEW.type || '/' || NEW.id AND l.known_to = 'infinity'
      AND ((NEW.own & 13) <> 0 OR NOT starts_with(l.actor, 'program:'));
    RETURN NULL;
END $$;

ALTER FUNCTION record.hush_relations() OWNER TO sojourn_owner;

CREATE FUNCTION record.keep_across() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE record.resource r SET refs = r.refs | 4611686018427387904 WHERE r.tenant = NEW.tenant AND r.type = NEW.type AND r.rid = NEW.rid;
    UPDATE record.version v SET refs = v.refs | 4611686018427387904 WHERE v.tenant = NEW.tenant AND v.seq = NEW.seq;
    RETURN NULL;
END $$;

ALTER FUNCTION record.keep_across() OWNER TO sojourn_owner;

CREATE FUNCTION record.keep_labels() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    INSERT INTO record.label_before (tenant, seq, known, own, parts, origin)
    SELECT OLD.tenant, OLD.seq, greatest(
               (SELECT max(v.updated) FROM record.version v WHERE v.tenant = OLD.tenant AND v.type = OLD.type AND v.id = OLD.id),
               (SELECT max(c.known) FROM record.label_change c WHERE c.tenant = OLD.tenant AND c.seq = OLD.seq)),
           OLD.own, OLD.parts, OLD.origin
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

ALTER FUNCTION record.keep_labels() OWNER TO sojourn_owner;

CREATE FUNCTION record.label_turned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM gate.tells_again(NEW.tenant, ARRAY[NEW.type || '/' || NEW.id]);
    RETURN NULL;
END $$;

ALTER FUNCTION record.label_turned() OWNER TO sojourn_owner;

CREATE FUNCTION record.mark_across() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION record.mark_across() OWNER TO sojourn_owner;

CREATE FUNCTION record.move_across() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION record.move_across() OWNER TO sojourn_owner;

CREATE FUNCTION record.note_bases() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION record.note_bases() OWNER TO sojourn_owner;

CREATE FUNCTION record.note_bases_anew() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO record.chart_bases AS c (tenant, patient, own, programs) VALUES (NEW.tenant, NEW.patient, NEW.own, NEW.origin)
    ON CONFLICT (tenant, patient) DO UPDATE SET own = c.own & EXCLUDED.own, programs = ARRAY(SELECT DISTINCT p FROM unnest(c.programs || EXCLUDED.programs) AS p ORDER BY p);
    RETURN NULL;
END $$;

ALTER FUNCTION record.note_bases_anew() OWNER TO sojourn_owner;

CREATE FUNCTION record.of_nobody() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $$ SELECT '{Practitioner,PractitionerRole,Organization,OrganizationAffiliation,Location,HealthcareService,Endpoint,Medication,MedicationKnowledge,Substance,Questionnaire,PlanDefinition,ActivityDefinition,Measure,Library,ValueSet,CodeSystem}'::text[] $$;

ALTER FUNCTION record.of_nobody() OWNER TO sojourn_owner;

CREATE TABLE house.functions (
    one boolean DEFAULT true NOT NULL,
    checksum text NOT NULL,
    applied timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT functions_one_check CHECK (one)
);

ALTER TABLE house.functions OWNER TO sojourn_owner;

CREATE TABLE house.migration (
    name text NOT NULL COLLATE pg_catalog."C",
    checksum text NOT NULL,
    applied timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE house.migration OWNER TO sojourn_owner;

CREATE TABLE record.account (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    login text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    password text,
    agent text COLLATE pg_catalog."C",
    generation integer DEFAULT 0 NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_kind CHECK ((kind = ANY (ARRAY['staff'::text, 'patient'::text, 'proxy'::text, 'app'::text, 'organization'::text, 'system'::text])))
);

ALTER TABLE record.account OWNER TO sojourn_owner;

CREATE TABLE record.account_state (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT account_state_state_check CHECK ((state = ANY (ARRAY['invited'::text, 'active'::text, 'deactivated'::text])))
);

ALTER TABLE record.account_state OWNER TO sojourn_owner;

CREATE TABLE record.app (
    tenant integer NOT NULL,
    app text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.app OWNER TO sojourn_owner;

CREATE TABLE record.app_grant (
    tenant integer NOT NULL,
    grant_id text NOT NULL COLLATE pg_catalog."C",
    app text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    scopes text NOT NULL,
    patient text COLLATE pg_catalog."C",
    encounter text COLLATE pg_catalog."C",
    facts text NOT NULL,
    code bytea,
    code_expires timestamp with time zone NOT NULL,
    code_used timestamp with time zone,
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    used timestamp with time zone,
    revoked timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    revoked_how text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.app_grant OWNER TO sojourn_owner;

CREATE TABLE record.app_key (
    tenant integer NOT NULL,
    kid text NOT NULL COLLATE pg_catalog."C",
    sealed text NOT NULL,
    public text NOT NULL,
    use_from timestamp with time zone NOT NULL,
    use_to timestamp with time zone NOT NULL,
    shown_to timestamp with time zone NOT NULL
);

ALTER TABLE record.app_key OWNER TO sojourn_owner;

CREATE TABLE record.app_refresh (
    token bytea NOT NULL,
    tenant integer NOT NULL,
    grant_id text NOT NULL COLLATE pg_catalog."C",
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    used timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.app_refresh OWNER TO sojourn_owner;

CREATE TABLE record.assignment (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    programs integer[] DEFAULT '{}'::integer[] NOT NULL,
    acting integer,
    keys text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.assignment OWNER TO sojourn_owner;

CREATE TABLE record.assignment_asked (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    programs integer[] NOT NULL,
    acting integer,
    author text NOT NULL COLLATE pg_catalog."C",
    asked timestamp with time zone NOT NULL,
    decided timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    decided_by text COLLATE pg_catalog."C",
    granted boolean DEFAULT false NOT NULL
);

ALTER TABLE record.assignment_asked OWNER TO sojourn_owner;

CREATE SEQUENCE record.seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE record.seq OWNER TO sojourn_owner;

CREATE TABLE record.audit (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.seq'::regclass) NOT NULL,
    recorded timestamp with time zone NOT NULL,
    request text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    door text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    type text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    query text DEFAULT ''::text NOT NULL,
    patients text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    shown bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    rules bytea,
    stamp bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL
);

ALTER TABLE record.audit OWNER TO sojourn_owner;

CREATE TABLE record.audit_base (
    one boolean DEFAULT true NOT NULL,
    base bigint NOT NULL,
    CONSTRAINT audit_base_one_check CHECK (one)
);

ALTER TABLE record.audit_base OWNER TO sojourn_owner;

CREATE TABLE record.audit_journal (
    tenant integer NOT NULL,
    entry text NOT NULL COLLATE pg_catalog."C",
    kept timestamp with time zone NOT NULL,
    taken timestamp with time zone NOT NULL
);

ALTER TABLE record.audit_journal OWNER TO sojourn_owner;

CREATE TABLE record.audit_key (
    tenant integer NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    recorded timestamp with time zone NOT NULL,
    stamp bigint NOT NULL,
    n bigint NOT NULL
);

ALTER TABLE record.audit_key OWNER TO sojourn_owner;

CREATE TABLE record.blob (
    tenant integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    created timestamp with time zone NOT NULL
);

ALTER TABLE record.blob OWNER TO sojourn_owner;

CREATE TABLE record.blob_leftover (
    tenant integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL
);

ALTER TABLE record.blob_leftover OWNER TO sojourn_owner;

CREATE TABLE record.call (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    items text[] NOT NULL,
    about text[] NOT NULL,
    means text NOT NULL COLLATE pg_catalog."C",
    begun timestamp with time zone NOT NULL,
    next timestamp with time zone NOT NULL,
    tries integer NOT NULL,
    outcome text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    said text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    ended timestamp with time zone,
    CONSTRAINT call_outcome_check CHECK ((outcome = ANY (ARRAY[''::text, 'given'::text, 'unneeded'::text])))
);

ALTER TABLE record.call OWNER TO sojourn_owner;

CREATE TABLE record.call_place (
    tenant integer NOT NULL,
    place text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    means text NOT NULL COLLATE pg_catalog."C",
    sealed text NOT NULL,
    code bytea NOT NULL,
    made timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    proved timestamp with time zone,
    ended timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT call_place_means_check CHECK ((means = ANY (ARRAY['sms'::text, 'email'::text])))
);

ALTER TABLE record.call_place OWNER TO sojourn_owner;

CREATE SEQUENCE record.setting_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE record.setting_seq OWNER TO sojourn_owner;

CREATE TABLE record.care_table (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.setting_seq'::regclass) NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL,
    version text NOT NULL,
    content text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT care_table_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE record.care_table OWNER TO sojourn_owner;

CREATE TABLE record.change (
    tenant integer NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.change OWNER TO sojourn_owner;

CREATE TABLE record.chart_bases (
    tenant integer NOT NULL,
    patient text NOT NULL COLLATE pg_catalog."C",
    own bigint NOT NULL,
    programs integer[] NOT NULL
);

ALTER TABLE record.chart_bases OWNER TO sojourn_owner;

CREATE TABLE record.checkpoint (
    tenant integer NOT NULL,
    number bigint NOT NULL,
    text text NOT NULL,
    key bytea NOT NULL,
    signature bytea NOT NULL
);

ALTER TABLE record.checkpoint OWNER TO sojourn_owner;

CREATE TABLE record.ground (
    tenant integer NOT NULL,
    patient text NOT NULL COLLATE pg_catalog."C",
    recipient text NOT NULL COLLATE pg_catalog."C",
    effect text DEFAULT 'relation'::text NOT NULL COLLATE pg_catalog."C",
    basis bigint DEFAULT 0 NOT NULL,
    purposes text[] DEFAULT '{*}'::text[] NOT NULL COLLATE pg_catalog."C",
    action text DEFAULT '*'::text NOT NULL COLLATE pg_catalog."C",
    programs integer[],
    types text[] COLLATE pg_catalog."C",
    codes bigint[],
    data_from timestamp with time zone,
    data_to timestamp with time zone,
    resources text[] COLLATE pg_catalog."C",
    consent text COLLATE pg_catalog."C",
    consent_seq bigint,
    kind text COLLATE pg_catalog."C",
    source text COLLATE pg_catalog."C",
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    bits bigint GENERATED ALWAYS AS (
CASE
    WHEN (effect = 'relation'::text) THEN '36028797018963968'::bigint
    WHEN (effect = 'deny'::text) THEN '144115188075855872'::bigint
    WHEN ((effect <> 'permit'::text) OR (purposes = '{*}'::text[]) OR (action = '*'::text)) THEN (0)::bigint
    WHEN ((types IS NOT NULL) OR (codes IS NOT NULL) OR (data_from IS NOT NULL) OR (data_to IS NOT NULL) OR (resources IS NOT NULL)) THEN '72057594037927936'::bigint
    WHEN (programs IS NOT NULL) THEN ((basis & '1154047404513689598'::bigint) | '18014398509481984'::bigint)
    ELSE (basis & '1154047404513689598'::bigint)
END) STORED NOT NULL,
    CONSTRAINT ground_is_one_of_two CHECK (
CASE effect
    WHEN 'relation'::text THEN ((kind IS NOT NULL) AND (source IS NOT NULL) AND (consent IS NULL))
    ELSE ((consent IS NOT NULL) AND (consent_seq IS NOT NULL) AND (source IS NULL))
END),
    CONSTRAINT ground_purposes CHECK (((purposes = '{*}'::text[]) OR ((cardinality(purposes) > 0) AND (NOT ('*'::text = ANY (purposes))))))
);

ALTER TABLE record.ground OWNER TO sojourn_owner;

CREATE VIEW record.consent_grant WITH (security_invoker='true') AS
 SELECT tenant,
    patient,
    consent,
    consent_seq,
    effect,
    basis,
    recipient,
    purposes,
    action,
    programs,
    types,
    codes,
    data_from,
    data_to,
    resources,
    valid_from,
    valid_to,
    known_from,
    known_to,
    bits
   FROM record.ground
  WHERE (effect <> 'relation'::text)
  WITH CASCADED CHECK OPTION;

ALTER VIEW record.consent_grant OWNER TO sojourn_owner;

CREATE TABLE record.credential (
    tenant integer NOT NULL,
    credential bytea NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    door text NOT NULL COLLATE pg_catalog."C",
    purpose text DEFAULT 'TREAT'::text NOT NULL COLLATE pg_catalog."C",
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    revoked timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    idle interval,
    warning interval,
    fresh interval,
    ends timestamp with time zone,
    used timestamp with time zone,
    proved timestamp with time zone,
    methods text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    label text DEFAULT ''::text NOT NULL,
    scopes text,
    patient text COLLATE pg_catalog."C",
    app text COLLATE pg_catalog."C",
    grant_id text COLLATE pg_catalog."C"
);

ALTER TABLE record.credential OWNER TO sojourn_owner;

CREATE TABLE record.date (
    tenant integer NOT NULL,
    key bigint NOT NULL,
    rid bigint NOT NULL,
    low timestamp with time zone NOT NULL,
    high timestamp with time zone NOT NULL,
    mask bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.date OWNER TO sojourn_owner;

CREATE TABLE record.direct_certificate (
    tenant integer NOT NULL,
    certificate text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    until timestamp with time zone NOT NULL,
    added timestamp with time zone NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    revoked timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    revoker text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.direct_certificate OWNER TO sojourn_owner;

CREATE TABLE record.direct_letter (
    tenant integer NOT NULL,
    letter text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    why text DEFAULT ''::text NOT NULL,
    begun timestamp with time zone NOT NULL,
    sent timestamp with time zone,
    updated timestamp with time zone NOT NULL
);

ALTER TABLE record.direct_letter OWNER TO sojourn_owner;

CREATE TABLE record.direct_list (
    tenant integer NOT NULL,
    url text NOT NULL,
    body bytea DEFAULT '\x'::bytea NOT NULL,
    until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    asked timestamp with time zone NOT NULL,
    good timestamp with time zone,
    problem text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.direct_list OWNER TO sojourn_owner;

CREATE TABLE record.direct_mailbox (
    tenant integer NOT NULL,
    facts text NOT NULL,
    secret bytea NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.direct_mailbox OWNER TO sojourn_owner;

CREATE TABLE record.direct_partner (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.direct_partner OWNER TO sojourn_owner;

CREATE TABLE record.direct_refused (
    tenant integer NOT NULL,
    mail bytea NOT NULL,
    sender text NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL,
    seen timestamp with time zone,
    seen_by text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.direct_refused OWNER TO sojourn_owner;

CREATE TABLE record.direct_run (
    tenant integer NOT NULL,
    due timestamp with time zone NOT NULL,
    good timestamp with time zone,
    problem text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.direct_run OWNER TO sojourn_owner;

CREATE TABLE record.disclosure (
    tenant integer NOT NULL,
    disclosure text NOT NULL COLLATE pg_catalog."C",
    made timestamp with time zone NOT NULL,
    channel text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    request text NOT NULL COLLATE pg_catalog."C",
    recipient text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    what text[] NOT NULL COLLATE pg_catalog."C",
    consents text[] NOT NULL COLLATE pg_catalog."C",
    notice text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL,
    media text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    blob text NOT NULL COLLATE pg_catalog."C",
    found boolean DEFAULT true NOT NULL
);

ALTER TABLE record.disclosure OWNER TO sojourn_owner;

CREATE TABLE record.disclosure_patient (
    tenant integer NOT NULL,
    patient text NOT NULL COLLATE pg_catalog."C",
    disclosure text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.disclosure_patient OWNER TO sojourn_owner;

CREATE TABLE record.draft (
    tenant integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    patient text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    updated timestamp with time zone NOT NULL
);

ALTER TABLE record.draft OWNER TO sojourn_owner;

CREATE TABLE record.edge (
    tenant integer NOT NULL,
    rid bigint NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    param text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    mask bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.edge OWNER TO sojourn_owner;

CREATE TABLE record.emergency (
    tenant integer NOT NULL,
    emergency text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    request text NOT NULL COLLATE pg_catalog."C",
    sought text NOT NULL,
    patient text COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    because text NOT NULL,
    programs integer[] NOT NULL,
    declared timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE record.emergency OWNER TO sojourn_owner;

CREATE TABLE record.emergency_event (
    tenant integer NOT NULL,
    emergency text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    decision text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    note text DEFAULT ''::text NOT NULL,
    programs integer[]
);

ALTER TABLE record.emergency_event OWNER TO sojourn_owner;

CREATE TABLE record.exchange_alarm (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    began timestamp with time zone NOT NULL,
    raised timestamp with time zone NOT NULL,
    closed timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_alarm OWNER TO sojourn_owner;

CREATE TABLE record.exchange_batch (
    tenant integer NOT NULL,
    batch text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    begins timestamp with time zone NOT NULL,
    made timestamp with time zone NOT NULL,
    over timestamp with time zone
);

ALTER TABLE record.exchange_batch OWNER TO sojourn_owner;

CREATE TABLE record.exchange_event (
    tenant integer NOT NULL,
    message text NOT NULL COLLATE pg_catalog."C",
    n bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.exchange_event OWNER TO sojourn_owner;

ALTER TABLE record.exchange_event ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.exchange_event_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.exchange_finding (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    way text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    said text DEFAULT ''::text NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_finding OWNER TO sojourn_owner;

CREATE TABLE record.exchange_go (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    n bigint NOT NULL,
    way text NOT NULL COLLATE pg_catalog."C",
    run text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_go OWNER TO sojourn_owner;

ALTER TABLE record.exchange_go ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.exchange_go_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.exchange_intent (
    tenant integer NOT NULL,
    intent text NOT NULL COLLATE pg_catalog."C",
    n bigint NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    lane bytea NOT NULL,
    about bytea NOT NULL,
    subject bytea NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL COLLATE pg_catalog."C",
    tries integer DEFAULT 0 NOT NULL,
    due timestamp with time zone NOT NULL,
    made timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_intent OWNER TO sojourn_owner;

ALTER TABLE record.exchange_intent ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.exchange_intent_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.exchange_message (
    tenant integer NOT NULL,
    message text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    door text NOT NULL COLLATE pg_catalog."C",
    direction text NOT NULL COLLATE pg_catalog."C",
    control text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    version text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    lane bytea NOT NULL,
    size integer NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    result bytea,
    choice bytea,
    programs integer[] DEFAULT '{}'::integer[] NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due timestamp with time zone NOT NULL,
    received timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL,
    about bytea,
    job bytea,
    sent timestamp with time zone,
    answered timestamp with time zone,
    closed timestamp with time zone,
    test boolean DEFAULT false NOT NULL,
    blocked boolean DEFAULT false NOT NULL,
    destroyed timestamp with time zone,
    batch text COLLATE pg_catalog."C",
    lost boolean DEFAULT false NOT NULL
);

ALTER TABLE record.exchange_message OWNER TO sojourn_owner;

ALTER TABLE record.exchange_message ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.exchange_message_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.exchange_partner (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_partner OWNER TO sojourn_owner;

CREATE TABLE record.exchange_person (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    theirs bytea NOT NULL,
    patient text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_person OWNER TO sojourn_owner;

CREATE TABLE record.exchange_run (
    tenant integer NOT NULL,
    run text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    dated text NOT NULL,
    steps text NOT NULL,
    state text DEFAULT 'running'::text NOT NULL COLLATE pg_catalog."C",
    digest text DEFAULT ''::text NOT NULL,
    revision integer DEFAULT 0 NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    begun timestamp with time zone NOT NULL,
    ended timestamp with time zone
);

ALTER TABLE record.exchange_run OWNER TO sojourn_owner;

CREATE TABLE record.exchange_signature (
    tenant integer NOT NULL,
    run text NOT NULL COLLATE pg_catalog."C",
    side text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    role text NOT NULL,
    account text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    way text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL,
    file bytea,
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_signature OWNER TO sojourn_owner;

CREATE TABLE record.exchange_signing (
    tenant integer NOT NULL,
    secret bytea NOT NULL,
    run text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    expires timestamp with time zone NOT NULL,
    used timestamp with time zone
);

ALTER TABLE record.exchange_signing OWNER TO sojourn_owner;

CREATE TABLE record.exchange_told (
    tenant integer NOT NULL,
    about bytea NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    facts bytea NOT NULL,
    message text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.exchange_told OWNER TO sojourn_owner;

CREATE TABLE record.export (
    tenant integer NOT NULL,
    export text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    door text NOT NULL COLLATE pg_catalog."C",
    purpose text NOT NULL COLLATE pg_catalog."C",
    scopes text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    credential bytea NOT NULL,
    request text NOT NULL,
    asked text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL COLLATE pg_catalog."C",
    problem text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    begun timestamp with time zone NOT NULL,
    horizon bigint DEFAULT ((pg_snapshot_xmax(pg_current_snapshot()))::text)::bigint NOT NULL,
    finished timestamp with time zone,
    expires timestamp with time zone NOT NULL,
    kinds integer NOT NULL,
    kind integer DEFAULT 0 NOT NULL,
    runner text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    lease timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL
);

ALTER TABLE record.export OWNER TO sojourn_owner;

CREATE TABLE record.export_part (
    tenant integer NOT NULL,
    export text NOT NULL COLLATE pg_catalog."C",
    kind integer NOT NULL,
    n integer NOT NULL,
    file integer NOT NULL,
    after_patient text NOT NULL COLLATE pg_catalog."C",
    after_rid bigint NOT NULL,
    to_patient text NOT NULL COLLATE pg_catalog."C",
    to_rid bigint NOT NULL,
    count integer NOT NULL,
    size bigint NOT NULL,
    digest bytea NOT NULL,
    again integer DEFAULT 0 NOT NULL
);

ALTER TABLE record.export_part OWNER TO sojourn_owner;

CREATE TABLE record.factor (
    tenant integer NOT NULL,
    factor text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    name text DEFAULT ''::text NOT NULL,
    secret bytea NOT NULL,
    handle bytea,
    counter bigint DEFAULT 0 NOT NULL,
    created timestamp with time zone NOT NULL,
    confirmed timestamp with time zone,
    used timestamp with time zone,
    ended timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT factor_kind_check CHECK ((kind = ANY (ARRAY['totp'::text, 'passkey'::text, 'recovery'::text])))
);

ALTER TABLE record.factor OWNER TO sojourn_owner;

CREATE TABLE record.feed (
    tenant integer NOT NULL,
    n bigint NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.feed OWNER TO sojourn_owner;

CREATE TABLE record.feed_head (
    tenant integer NOT NULL,
    n bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.feed_head OWNER TO sojourn_owner;

CREATE TABLE record.finding (
    tenant integer NOT NULL,
    finding text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    subjects text[] NOT NULL COLLATE pg_catalog."C",
    found timestamp with time zone NOT NULL,
    closed timestamp with time zone,
    closed_by text COLLATE pg_catalog."C",
    note text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.finding OWNER TO sojourn_owner;

CREATE TABLE record.follower (
    tenant integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    n bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.follower OWNER TO sojourn_owner;

CREATE TABLE record.grant_job (
    tenant integer NOT NULL,
    job bigint NOT NULL,
    edition integer NOT NULL,
    rules text NOT NULL COLLATE pg_catalog."C",
    place text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    looked integer DEFAULT 0 NOT NULL,
    closed integer DEFAULT 0 NOT NULL,
    added integer DEFAULT 0 NOT NULL,
    started timestamp with time zone NOT NULL,
    moved timestamp with time zone NOT NULL,
    finished timestamp with time zone
);

ALTER TABLE record.grant_job OWNER TO sojourn_owner;

ALTER TABLE record.grant_job ALTER COLUMN job ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.grant_job_job_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.group_part (
    tenant integer NOT NULL,
    session text NOT NULL COLLATE pg_catalog."C",
    part text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    document text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    updated timestamp with time zone NOT NULL
);

ALTER TABLE record.group_part OWNER TO sojourn_owner;

CREATE TABLE record.group_session (
    tenant integer NOT NULL,
    session text NOT NULL COLLATE pg_catalog."C",
    program integer NOT NULL,
    schedule text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    starts timestamp with time zone NOT NULL,
    ends timestamp with time zone NOT NULL,
    leaders text[] NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    updated timestamp with time zone NOT NULL,
    closed timestamp with time zone
);

ALTER TABLE record.group_session OWNER TO sojourn_owner;

CREATE TABLE record.incident (
    tenant integer NOT NULL,
    incident text NOT NULL COLLATE pg_catalog."C",
    program integer NOT NULL,
    privacy boolean NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    barred text[] NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    n integer NOT NULL,
    reported timestamp with time zone NOT NULL,
    changed timestamp with time zone NOT NULL
);

ALTER TABLE record.incident OWNER TO sojourn_owner;

CREATE TABLE record.incident_action (
    tenant integer NOT NULL,
    incident text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    due date NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    changed timestamp with time zone NOT NULL
);

ALTER TABLE record.incident_action OWNER TO sojourn_owner;

CREATE TABLE record.incident_version (
    tenant integer NOT NULL,
    incident text NOT NULL COLLATE pg_catalog."C",
    n integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    act text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    body text NOT NULL
);

ALTER TABLE record.incident_version OWNER TO sojourn_owner;

CREATE TABLE record.index_backlog (
    tenant integer NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    place bigint DEFAULT 0 NOT NULL,
    finished timestamp with time zone
);

ALTER TABLE record.index_backlog OWNER TO sojourn_owner;

CREATE TABLE record.jurisdiction (
    tenant integer NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.jurisdiction OWNER TO sojourn_owner;

CREATE TABLE record.kept_apart (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    sealed bytea NOT NULL
);

ALTER TABLE record.kept_apart OWNER TO sojourn_owner;

CREATE TABLE record.label_before (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    known timestamp with time zone NOT NULL,
    own bigint NOT NULL,
    parts bigint NOT NULL,
    origin integer[] NOT NULL
);

ALTER TABLE record.label_before OWNER TO sojourn_owner;

CREATE TABLE record.label_change (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    known timestamp with time zone NOT NULL,
    rule_set text NOT NULL COLLATE pg_catalog."C",
    own_before bigint NOT NULL,
    own_after bigint NOT NULL,
    parts_before bigint NOT NULL,
    parts_after bigint NOT NULL,
    tags_before text[] NOT NULL,
    tags_after text[] NOT NULL,
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.label_change OWNER TO sojourn_owner;

CREATE TABLE record.label_job (
    tenant integer NOT NULL,
    job bigint DEFAULT nextval('record.seq'::regclass) NOT NULL,
    rules text NOT NULL COLLATE pg_catalog."C",
    phase text DEFAULT 'raise'::text NOT NULL COLLATE pg_catalog."C",
    place bigint DEFAULT 0 NOT NULL,
    looked bigint DEFAULT 0 NOT NULL,
    changed bigint DEFAULT 0 NOT NULL,
    lowers bigint DEFAULT 0 NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    started timestamp with time zone NOT NULL,
    moved timestamp with time zone NOT NULL,
    finished timestamp with time zone
);

ALTER TABLE record.label_job OWNER TO sojourn_owner;

CREATE TABLE record.label_override (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.seq'::regclass) NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    effect text NOT NULL COLLATE pg_catalog."C",
    codes text[] NOT NULL COLLATE pg_catalog."C",
    bases bigint NOT NULL,
    reason text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    ended_by text COLLATE pg_catalog."C",
    ended_reason text,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT label_override_effect_check CHECK ((effect = ANY (ARRAY['raise'::text, 'lower'::text]))),
    CONSTRAINT label_override_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE record.label_override OWNER TO sojourn_owner;

CREATE TABLE record.label_question (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.seq'::regclass) NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    codes text[] NOT NULL COLLATE pg_catalog."C",
    why text NOT NULL,
    asked timestamp with time zone NOT NULL,
    answer text COLLATE pg_catalog."C",
    answered_by text COLLATE pg_catalog."C",
    answered timestamp with time zone,
    note text
);

ALTER TABLE record.label_question OWNER TO sojourn_owner;

CREATE TABLE record.label_sent (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    codings text NOT NULL
);

ALTER TABLE record.label_sent OWNER TO sojourn_owner;

CREATE TABLE record.label_since (
    one boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT label_since_one_check CHECK (one)
);

ALTER TABLE record.label_since OWNER TO sojourn_owner;

CREATE TABLE record.message (
    tenant integer NOT NULL,
    thread text NOT NULL COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    body text NOT NULL
);

ALTER TABLE record.message OWNER TO sojourn_owner;

CREATE TABLE record.number (
    tenant integer NOT NULL,
    key bigint NOT NULL,
    rid bigint NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    unit bigint DEFAULT 0 NOT NULL,
    mask bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.number OWNER TO sojourn_owner;

CREATE TABLE record.opening (
    tenant integer NOT NULL,
    quarter timestamp with time zone NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    patient text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    times integer NOT NULL,
    witnesses bigint[] NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE record.opening OWNER TO sojourn_owner;

CREATE TABLE record.opening_apart (
    tenant integer NOT NULL,
    recorded timestamp with time zone NOT NULL,
    stamp bigint NOT NULL,
    n bigint NOT NULL
);

ALTER TABLE record.opening_apart OWNER TO sojourn_owner;

CREATE TABLE record.opening_counted (
    tenant integer NOT NULL,
    stamp bigint NOT NULL,
    n bigint NOT NULL
);

ALTER TABLE record.opening_counted OWNER TO sojourn_owner;

CREATE TABLE record.outside_ask (
    tenant integer NOT NULL,
    ask text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    patient text NOT NULL COLLATE pg_catalog."C",
    program integer NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    made timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL,
    due timestamp with time zone NOT NULL,
    lease timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL
);

ALTER TABLE record.outside_ask OWNER TO sojourn_owner;

CREATE TABLE record.outside_identity (
    tenant integer NOT NULL,
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.outside_identity OWNER TO sojourn_owner;

CREATE TABLE record.paper (
    tenant integer NOT NULL,
    paper text NOT NULL COLLATE pg_catalog."C",
    program integer DEFAULT 0 NOT NULL,
    door text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    arrived timestamp with time zone NOT NULL,
    blob text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    updated timestamp with time zone NOT NULL,
    message text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.paper OWNER TO sojourn_owner;

CREATE TABLE record.past_edge (
    tenant integer NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    rid bigint NOT NULL
);

ALTER TABLE record.past_edge OWNER TO sojourn_owner;

CREATE TABLE record.plain_form (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    body bytea,
    size integer GENERATED ALWAYS AS (octet_length(body)) STORED
);

ALTER TABLE record.plain_form OWNER TO sojourn_owner;

CREATE TABLE record.policy (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.setting_seq'::regclass) NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    level text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT policy_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE record.policy OWNER TO sojourn_owner;

CREATE TABLE record.program (
    tenant integer NOT NULL,
    program integer NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    organization text COLLATE pg_catalog."C",
    part2 boolean NOT NULL,
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.program OWNER TO sojourn_owner;

CREATE TABLE record.program_site (
    tenant integer NOT NULL,
    program integer NOT NULL,
    site text NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.program_site OWNER TO sojourn_owner;

CREATE TABLE record.reach_time (
    tenant integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    days integer NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT reach_time_days_check CHECK ((days >= 0))
);

ALTER TABLE record.reach_time OWNER TO sojourn_owner;

CREATE VIEW record.relation WITH (security_invoker='true') AS
 SELECT tenant,
    patient,
    recipient AS actor,
    kind,
    source,
    valid_from,
    valid_to,
    known_from,
    known_to
   FROM record.ground
  WHERE (effect = 'relation'::text)
  WITH CASCADED CHECK OPTION;

ALTER VIEW record.relation OWNER TO sojourn_owner;

CREATE TABLE record.resource (
    tenant integer NOT NULL,
    rid bigint NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    patient text COLLATE pg_catalog."C",
    at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL,
    plain_updated timestamp with time zone NOT NULL,
    own bigint DEFAULT 1 NOT NULL,
    parts bigint DEFAULT 0 NOT NULL,
    refs bigint DEFAULT 0 NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    origin integer[] DEFAULT '{}'::integer[] NOT NULL,
    ref_origin integer[] DEFAULT '{}'::integer[] NOT NULL,
    tokens bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    labelled_tokens bigint[],
    index_digest bigint DEFAULT 0 NOT NULL,
    blobs text[] COLLATE pg_catalog."C",
    body bytea NOT NULL,
    apart boolean DEFAULT false NOT NULL
);

ALTER TABLE record.resource OWNER TO sojourn_owner;

CREATE TABLE record.role_rule (
    tenant integer NOT NULL,
    role text NOT NULL COLLATE pg_catalog."C",
    types text[] NOT NULL COLLATE pg_catalog."C",
    actions text[] NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.role_rule OWNER TO sojourn_owner;

CREATE TABLE record.seal (
    tenant integer NOT NULL,
    number bigint NOT NULL,
    stamp bigint NOT NULL,
    n bigint NOT NULL,
    top bigint NOT NULL,
    lines integer NOT NULL,
    total bigint NOT NULL,
    keys bigint NOT NULL,
    sealed timestamp with time zone NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);

ALTER TABLE record.seal OWNER TO sojourn_owner;

CREATE TABLE record.sftp_account (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    login text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.sftp_account OWNER TO sojourn_owner;

CREATE TABLE record.sftp_drop (
    tenant integer NOT NULL,
    drop_id text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    label text NOT NULL COLLATE pg_catalog."C",
    app text NOT NULL COLLATE pg_catalog."C",
    export text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL COLLATE pg_catalog."C",
    created timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE record.sftp_drop OWNER TO sojourn_owner;

ALTER TABLE record.sftp_drop ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.sftp_drop_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.sftp_errand (
    tenant integer NOT NULL,
    errand text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    facts text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.sftp_errand OWNER TO sojourn_owner;

CREATE TABLE record.sftp_errand_file (
    tenant integer NOT NULL,
    errand text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.sftp_errand_file OWNER TO sojourn_owner;

CREATE TABLE record.sftp_errand_run (
    tenant integer NOT NULL,
    errand text NOT NULL COLLATE pg_catalog."C",
    due timestamp with time zone NOT NULL,
    lease timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    runner text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    tries integer DEFAULT 0 NOT NULL,
    began timestamp with time zone,
    good timestamp with time zone,
    problem text DEFAULT ''::text NOT NULL,
    files integer DEFAULT 0 NOT NULL
);

ALTER TABLE record.sftp_errand_run OWNER TO sojourn_owner;

CREATE TABLE record.sftp_file (
    tenant integer NOT NULL,
    file text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    name bytea NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    size bigint DEFAULT 0 NOT NULL,
    parts integer DEFAULT 0 NOT NULL,
    message text COLLATE pg_catalog."C",
    fresh boolean DEFAULT true NOT NULL,
    verdict text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    said bytea,
    told boolean DEFAULT false NOT NULL,
    begun timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL
);

ALTER TABLE record.sftp_file OWNER TO sojourn_owner;

ALTER TABLE record.sftp_file ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.sftp_file_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.sftp_key (
    tenant integer NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    partner text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    public text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    good_from timestamp with time zone NOT NULL,
    good_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    added timestamp with time zone NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    revoked timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    revoker text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    used timestamp with time zone
);

ALTER TABLE record.sftp_key OWNER TO sojourn_owner;

CREATE TABLE record.sftp_part (
    tenant integer NOT NULL,
    file text NOT NULL COLLATE pg_catalog."C",
    n integer NOT NULL,
    size integer NOT NULL,
    body bytea NOT NULL
);

ALTER TABLE record.sftp_part OWNER TO sojourn_owner;

CREATE TABLE record.sftp_taken (
    tenant integer NOT NULL,
    drop_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    taken timestamp with time zone,
    size bigint DEFAULT 0 NOT NULL,
    times integer DEFAULT 0 NOT NULL,
    hidden boolean DEFAULT false NOT NULL
);

ALTER TABLE record.sftp_taken OWNER TO sojourn_owner;

CREATE TABLE record.sign_in_rule (
    tenant integer NOT NULL,
    door text NOT NULL COLLATE pg_catalog."C",
    role text DEFAULT '*'::text NOT NULL COLLATE pg_catalog."C",
    idle interval NOT NULL,
    warning interval NOT NULL,
    longest interval NOT NULL,
    fresh interval NOT NULL,
    second boolean NOT NULL,
    source text DEFAULT ''::text NOT NULL,
    valid_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone DEFAULT now() NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.sign_in_rule OWNER TO sojourn_owner;

CREATE TABLE record.string (
    tenant integer NOT NULL,
    key bigint NOT NULL,
    rid bigint NOT NULL,
    folded text NOT NULL COLLATE pg_catalog."C",
    exact text NOT NULL COLLATE pg_catalog."C",
    mask bigint DEFAULT 0 NOT NULL
);

ALTER TABLE record.string OWNER TO sojourn_owner;

CREATE TABLE record.subject_code (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.setting_seq'::regclass) NOT NULL,
    system text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    prefix boolean DEFAULT false NOT NULL,
    tags text[] NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.subject_code OWNER TO sojourn_owner;

CREATE TABLE record.subject_law (
    tenant integer NOT NULL,
    n bigint DEFAULT nextval('record.setting_seq'::regclass) NOT NULL,
    tag text NOT NULL COLLATE pg_catalog."C",
    basis text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.subject_law OWNER TO sojourn_owner;

CREATE TABLE record.subscription (
    tenant integer NOT NULL,
    subscription text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    credential bytea NOT NULL,
    facts text NOT NULL,
    types text[] NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    refused boolean DEFAULT true NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due timestamp with time zone NOT NULL,
    heartbeat timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    runner text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    lease timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    begun timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    leaving text DEFAULT ''::text NOT NULL
);

ALTER TABLE record.subscription OWNER TO sojourn_owner;

CREATE TABLE record.subscription_event (
    tenant integer NOT NULL,
    subscription text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL,
    sent boolean DEFAULT false NOT NULL
);

ALTER TABLE record.subscription_event OWNER TO sojourn_owner;

CREATE TABLE record.subscription_waiting (
    tenant integer NOT NULL,
    subscription text NOT NULL COLLATE pg_catalog."C",
    n bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.subscription_waiting OWNER TO sojourn_owner;

CREATE TABLE record.telling (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    part integer NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.telling OWNER TO sojourn_owner;

CREATE TABLE record.telling_backlog (
    tenant integer NOT NULL,
    place bigint DEFAULT 0 NOT NULL,
    until bigint NOT NULL,
    finished timestamp with time zone
);

ALTER TABLE record.telling_backlog OWNER TO sojourn_owner;

CREATE TABLE record.tenant (
    tenant integer NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    organization text COLLATE pg_catalog."C",
    host text COLLATE pg_catalog."C",
    secret bytea NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    bench_of integer
);

ALTER TABLE record.tenant OWNER TO sojourn_owner;

CREATE TABLE record.thread (
    tenant integer NOT NULL,
    thread text NOT NULL COLLATE pg_catalog."C",
    program integer NOT NULL,
    patient text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    urgent boolean NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    body text NOT NULL,
    stamp text NOT NULL COLLATE pg_catalog."C",
    started timestamp with time zone NOT NULL,
    last timestamp with time zone NOT NULL
);

ALTER TABLE record.thread OWNER TO sojourn_owner;

CREATE TABLE record.thread_member (
    tenant integer NOT NULL,
    thread text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    via text NOT NULL COLLATE pg_catalog."C",
    joined timestamp with time zone NOT NULL,
    read timestamp with time zone
);

ALTER TABLE record.thread_member OWNER TO sojourn_owner;

CREATE TABLE record.throttle (
    tenant integer NOT NULL,
    key bytea NOT NULL,
    count integer NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE record.throttle OWNER TO sojourn_owner;

CREATE TABLE record.ticket (
    ticket bytea NOT NULL,
    tenant integer NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    account text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    author text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    content bytea DEFAULT '\x'::bytea NOT NULL,
    created timestamp with time zone NOT NULL,
    expires timestamp with time zone NOT NULL,
    used timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    held boolean DEFAULT false NOT NULL,
    confirmed_by text COLLATE pg_catalog."C",
    confirmed timestamp with time zone,
    code bytea,
    wrong integer DEFAULT 0 NOT NULL,
    opened timestamp with time zone
);

ALTER TABLE record.ticket OWNER TO sojourn_owner;

CREATE TABLE record.token (
    tenant integer NOT NULL,
    hash bigint NOT NULL,
    rid bigint NOT NULL,
    mask bigint DEFAULT 0 NOT NULL,
    also bigint[]
);

ALTER TABLE record.token OWNER TO sojourn_owner;

CREATE TABLE record.version (
    tenant integer NOT NULL,
    seq bigint NOT NULL,
    rid bigint NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    updated timestamp with time zone NOT NULL,
    plain_seq bigint NOT NULL,
    author text NOT NULL COLLATE pg_catalog."C",
    patient text COLLATE pg_catalog."C",
    at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    own bigint DEFAULT 1 NOT NULL,
    parts bigint DEFAULT 0 NOT NULL,
    refs bigint DEFAULT 0 NOT NULL,
    origin integer[] DEFAULT '{}'::integer[] NOT NULL,
    ref_origin integer[] DEFAULT '{}'::integer[] NOT NULL,
    tokens bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    blobs text[] COLLATE pg_catalog."C",
    body bytea,
    apart boolean DEFAULT false NOT NULL
);

ALTER TABLE record.version OWNER TO sojourn_owner;

CREATE TABLE record.vocabulary_concept (
    release bigint NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    display text NOT NULL,
    active boolean NOT NULL,
    kind text NOT NULL,
    since date,
    until date,
    names text[] NOT NULL,
    replaced text[] NOT NULL,
    words tsvector NOT NULL
);

ALTER TABLE record.vocabulary_concept OWNER TO sojourn_owner;

CREATE TABLE record.vocabulary_edge (
    release bigint NOT NULL,
    parent text NOT NULL COLLATE pg_catalog."C",
    child text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE record.vocabulary_edge OWNER TO sojourn_owner;

CREATE TABLE record.vocabulary_map (
    release bigint NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    target_system text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    equivalence text NOT NULL COLLATE pg_catalog."C",
    grp integer NOT NULL,
    priority integer NOT NULL,
    rule text NOT NULL,
    advice text NOT NULL
);

ALTER TABLE record.vocabulary_map OWNER TO sojourn_owner;

CREATE TABLE record.vocabulary_own (
    tenant integer NOT NULL,
    system text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    display text NOT NULL,
    target_system text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    target_display text NOT NULL,
    equivalence text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    known_from timestamp with time zone NOT NULL,
    known_to timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE record.vocabulary_own OWNER TO sojourn_owner;

CREATE TABLE record.vocabulary_release (
    tenant integer NOT NULL,
    release bigint NOT NULL,
    system text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    published date,
    source text NOT NULL,
    digest bytea NOT NULL,
    concepts integer DEFAULT 0 NOT NULL,
    maps integer DEFAULT 0 NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone NOT NULL
);

ALTER TABLE record.vocabulary_release OWNER TO sojourn_owner;

ALTER TABLE record.vocabulary_release ALTER COLUMN release ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME record.vocabulary_release_release_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE record.vocabulary_unmapped (
    tenant integer NOT NULL,
    partner text NOT NULL COLLATE pg_catalog."C",
    system text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    display text NOT NULL,
    target_system text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    reason text DEFAULT ''::text NOT NULL,
    account text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    since date NOT NULL
);

ALTER TABLE record.vocabulary_unmapped OWNER TO sojourn_owner;

ALTER TABLE ONLY house.functions
    ADD CONSTRAINT functions_pkey PRIMARY KEY (one);

ALTER TABLE ONLY house.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY record.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (tenant, account);

ALTER TABLE ONLY record.account
    ADD CONSTRAINT account_tenant_login_key UNIQUE (tenant, login);

ALTER TABLE ONLY record.app_grant
    ADD CONSTRAINT app_grant_pkey PRIMARY KEY (tenant, grant_id);

ALTER TABLE ONLY record.app_key
    ADD CONSTRAINT app_key_pkey PRIMARY KEY (tenant, kid);

ALTER TABLE ONLY record.app_refresh
    ADD CONSTRAINT app_refresh_pkey PRIMARY KEY (token);

ALTER TABLE ONLY record.assignment_asked
    ADD CONSTRAINT assignment_asked_pkey PRIMARY KEY (tenant, account, asked);

ALTER TABLE ONLY record.assignment
    ADD CONSTRAINT assignment_pkey PRIMARY KEY (tenant, account, role, valid_from, known_from);

ALTER TABLE ONLY record.audit_base
    ADD CONSTRAINT audit_base_pkey PRIMARY KEY (one);

ALTER TABLE ONLY record.audit_journal
    ADD CONSTRAINT audit_journal_pkey PRIMARY KEY (tenant, entry);

ALTER TABLE ONLY record.audit_key
    ADD CONSTRAINT audit_key_pkey PRIMARY KEY (tenant, key, recorded, stamp, n);

ALTER TABLE ONLY record.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant, stamp, n);

ALTER TABLE ONLY record.blob_leftover
    ADD CONSTRAINT blob_leftover_pkey PRIMARY KEY (tenant, digest);

ALTER TABLE ONLY record.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (tenant, digest);

ALTER TABLE ONLY record.call
    ADD CONSTRAINT call_pkey PRIMARY KEY (tenant, account, key);

ALTER TABLE ONLY record.call_place
    ADD CONSTRAINT call_place_pkey PRIMARY KEY (tenant, place);

ALTER TABLE ONLY record.care_table
    ADD CONSTRAINT care_table_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (tenant, xid, seq, kind);

ALTER TABLE ONLY record.chart_bases
    ADD CONSTRAINT chart_bases_pkey PRIMARY KEY (tenant, patient) INCLUDE (own, programs);

ALTER TABLE ONLY record.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (tenant, number);

ALTER TABLE ONLY record.credential
    ADD CONSTRAINT credential_pkey PRIMARY KEY (credential);

ALTER TABLE ONLY record.direct_certificate
    ADD CONSTRAINT direct_certificate_pkey PRIMARY KEY (tenant, certificate);

ALTER TABLE ONLY record.direct_letter
    ADD CONSTRAINT direct_letter_pkey PRIMARY KEY (tenant, letter);

ALTER TABLE ONLY record.direct_list
    ADD CONSTRAINT direct_list_pkey PRIMARY KEY (tenant, url);

ALTER TABLE ONLY record.direct_refused
    ADD CONSTRAINT direct_refused_pkey PRIMARY KEY (tenant, mail);

ALTER TABLE ONLY record.direct_run
    ADD CONSTRAINT direct_run_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY record.disclosure_patient
    ADD CONSTRAINT disclosure_patient_pkey PRIMARY KEY (tenant, patient, disclosure);

ALTER TABLE ONLY record.disclosure
    ADD CONSTRAINT disclosure_pkey PRIMARY KEY (tenant, disclosure);

ALTER TABLE ONLY record.draft
    ADD CONSTRAINT draft_pkey PRIMARY KEY (tenant, account, key);

ALTER TABLE ONLY record.emergency_event
    ADD CONSTRAINT emergency_event_pkey PRIMARY KEY (tenant, emergency, kind, at);

ALTER TABLE ONLY record.emergency
    ADD CONSTRAINT emergency_pkey PRIMARY KEY (tenant, emergency);

ALTER TABLE ONLY record.exchange_alarm
    ADD CONSTRAINT exchange_alarm_pkey PRIMARY KEY (tenant, partner, kind, began);

ALTER TABLE ONLY record.exchange_batch
    ADD CONSTRAINT exchange_batch_pkey PRIMARY KEY (tenant, batch);

ALTER TABLE ONLY record.exchange_event
    ADD CONSTRAINT exchange_event_pkey PRIMARY KEY (tenant, message, n);

ALTER TABLE ONLY record.exchange_finding
    ADD CONSTRAINT exchange_finding_pkey PRIMARY KEY (tenant, partner, way, kind);

ALTER TABLE ONLY record.exchange_go
    ADD CONSTRAINT exchange_go_pkey PRIMARY KEY (tenant, partner, n);

ALTER TABLE ONLY record.exchange_intent
    ADD CONSTRAINT exchange_intent_pkey PRIMARY KEY (tenant, intent);

ALTER TABLE ONLY record.exchange_message
    ADD CONSTRAINT exchange_message_pkey PRIMARY KEY (tenant, message);

ALTER TABLE ONLY record.exchange_person
    ADD CONSTRAINT exchange_person_pkey PRIMARY KEY (tenant, partner, theirs);

ALTER TABLE ONLY record.exchange_run
    ADD CONSTRAINT exchange_run_pkey PRIMARY KEY (tenant, run);

ALTER TABLE ONLY record.exchange_signature
    ADD CONSTRAINT exchange_signature_pkey PRIMARY KEY (tenant, run, side);

ALTER TABLE ONLY record.exchange_signing
    ADD CONSTRAINT exchange_signing_pkey PRIMARY KEY (tenant, secret);

ALTER TABLE ONLY record.exchange_told
    ADD CONSTRAINT exchange_told_pkey PRIMARY KEY (tenant, about);

ALTER TABLE ONLY record.export_part
    ADD CONSTRAINT export_part_pkey PRIMARY KEY (tenant, export, kind, n);

ALTER TABLE ONLY record.export
    ADD CONSTRAINT export_pkey PRIMARY KEY (tenant, export);

ALTER TABLE ONLY record.factor
    ADD CONSTRAINT factor_pkey PRIMARY KEY (tenant, factor);

ALTER TABLE ONLY record.feed_head
    ADD CONSTRAINT feed_head_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY record.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (tenant, finding);

ALTER TABLE ONLY record.follower
    ADD CONSTRAINT follower_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY record.grant_job
    ADD CONSTRAINT grant_job_pkey PRIMARY KEY (tenant, job);

ALTER TABLE ONLY record.group_part
    ADD CONSTRAINT group_part_pkey PRIMARY KEY (tenant, session, part);

ALTER TABLE ONLY record.group_session
    ADD CONSTRAINT group_session_pkey PRIMARY KEY (tenant, session);

ALTER TABLE ONLY record.incident_action
    ADD CONSTRAINT incident_action_pkey PRIMARY KEY (tenant, incident, action);

ALTER TABLE ONLY record.incident
    ADD CONSTRAINT incident_pkey PRIMARY KEY (tenant, incident);

ALTER TABLE ONLY record.incident_version
    ADD CONSTRAINT incident_version_pkey PRIMARY KEY (tenant, incident, n);

ALTER TABLE ONLY record.index_backlog
    ADD CONSTRAINT index_backlog_pkey PRIMARY KEY (tenant, type, name);

ALTER TABLE ONLY record.kept_apart
    ADD CONSTRAINT kept_apart_pkey PRIMARY KEY (tenant, seq);

ALTER TABLE ONLY record.label_before
    ADD CONSTRAINT label_before_pkey PRIMARY KEY (tenant, seq, known);

ALTER TABLE ONLY record.label_change
    ADD CONSTRAINT label_change_pkey PRIMARY KEY (tenant, seq, known);

ALTER TABLE ONLY record.label_job
    ADD CONSTRAINT label_job_pkey PRIMARY KEY (tenant, job);

ALTER TABLE ONLY record.label_override
    ADD CONSTRAINT label_override_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.label_question
    ADD CONSTRAINT label_question_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.label_sent
    ADD CONSTRAINT label_sent_pkey PRIMARY KEY (tenant, seq);

ALTER TABLE ONLY record.label_since
    ADD CONSTRAINT label_since_pkey PRIMARY KEY (one);

ALTER TABLE ONLY record.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (tenant, thread, message);

ALTER TABLE ONLY record.opening_apart
    ADD CONSTRAINT opening_apart_pkey PRIMARY KEY (tenant, recorded, stamp, n);

ALTER TABLE ONLY record.opening_counted
    ADD CONSTRAINT opening_counted_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY record.opening
    ADD CONSTRAINT opening_pkey PRIMARY KEY (tenant, quarter, account, patient);

ALTER TABLE ONLY record.outside_ask
    ADD CONSTRAINT outside_ask_pkey PRIMARY KEY (tenant, ask);

ALTER TABLE ONLY record.paper
    ADD CONSTRAINT paper_pkey PRIMARY KEY (tenant, paper);

ALTER TABLE ONLY record.past_edge
    ADD CONSTRAINT past_edge_pkey PRIMARY KEY (tenant, target, type, rid);

ALTER TABLE ONLY record.plain_form
    ADD CONSTRAINT plain_form_pkey PRIMARY KEY (tenant, seq) INCLUDE (size);

ALTER TABLE ONLY record.policy
    ADD CONSTRAINT policy_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.program
    ADD CONSTRAINT program_pkey PRIMARY KEY (tenant, program, valid_from, known_from);

ALTER TABLE ONLY record.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (tenant, type, id);

ALTER TABLE ONLY record.seal
    ADD CONSTRAINT seal_pkey PRIMARY KEY (tenant, number);

ALTER TABLE ONLY record.sftp_drop
    ADD CONSTRAINT sftp_drop_pkey PRIMARY KEY (tenant, drop_id);

ALTER TABLE ONLY record.sftp_errand_file
    ADD CONSTRAINT sftp_errand_file_pkey PRIMARY KEY (tenant, errand, path);

ALTER TABLE ONLY record.sftp_errand_run
    ADD CONSTRAINT sftp_errand_run_pkey PRIMARY KEY (tenant, errand);

ALTER TABLE ONLY record.sftp_file
    ADD CONSTRAINT sftp_file_pkey PRIMARY KEY (tenant, file);

ALTER TABLE ONLY record.sftp_key
    ADD CONSTRAINT sftp_key_pkey PRIMARY KEY (tenant, key);

ALTER TABLE ONLY record.sftp_part
    ADD CONSTRAINT sftp_part_pkey PRIMARY KEY (tenant, file, n);

ALTER TABLE ONLY record.sftp_taken
    ADD CONSTRAINT sftp_taken_pkey PRIMARY KEY (tenant, drop_id, name);

ALTER TABLE ONLY record.subject_code
    ADD CONSTRAINT subject_code_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.subject_law
    ADD CONSTRAINT subject_law_pkey PRIMARY KEY (tenant, n);

ALTER TABLE ONLY record.subscription_event
    ADD CONSTRAINT subscription_event_pkey PRIMARY KEY (tenant, subscription, number);

ALTER TABLE ONLY record.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (tenant, subscription);

ALTER TABLE ONLY record.subscription_waiting
    ADD CONSTRAINT subscription_waiting_pkey PRIMARY KEY (tenant, subscription, n);

ALTER TABLE ONLY record.telling_backlog
    ADD CONSTRAINT telling_backlog_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY record.telling
    ADD CONSTRAINT telling_pkey PRIMARY KEY (tenant, seq, part, target);

ALTER TABLE ONLY record.tenant
    ADD CONSTRAINT tenant_host_key UNIQUE (host);

ALTER TABLE ONLY record.tenant
    ADD CONSTRAINT tenant_key_key UNIQUE (key);

ALTER TABLE ONLY record.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY record.thread_member
    ADD CONSTRAINT thread_member_pkey PRIMARY KEY (tenant, thread, account);

ALTER TABLE ONLY record.thread
    ADD CONSTRAINT thread_pkey PRIMARY KEY (tenant, thread);

ALTER TABLE ONLY record.throttle
    ADD CONSTRAINT throttle_pkey PRIMARY KEY (tenant, key);

ALTER TABLE ONLY record.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (ticket);

ALTER TABLE ONLY record.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (tenant, hash, rid);

ALTER TABLE ONLY record.version
    ADD CONSTRAINT version_pkey PRIMARY KEY (tenant, seq);

ALTER TABLE ONLY record.vocabulary_concept
    ADD CONSTRAINT vocabulary_concept_pkey PRIMARY KEY (release, code);

ALTER TABLE ONLY record.vocabulary_edge
    ADD CONSTRAINT vocabulary_edge_pkey PRIMARY KEY (release, parent, child);

ALTER TABLE ONLY record.vocabulary_release
    ADD CONSTRAINT vocabulary_release_pkey PRIMARY KEY (release);

ALTER TABLE ONLY record.vocabulary_unmapped
    ADD CONSTRAINT vocabulary_unmapped_pkey PRIMARY KEY (tenant, partner, system, code, target_system);

CREATE INDEX account_agent ON record.account USING btree (tenant, agent) WHERE (agent IS NOT NULL);

CREATE INDEX account_state_account ON record.account_state USING btree (tenant, account);

CREATE INDEX app_grant_account ON record.app_grant USING btree (tenant, account, created);

CREATE INDEX app_grant_app ON record.app_grant USING btree (tenant, app, created);

CREATE UNIQUE INDEX app_grant_code ON record.app_grant USING btree (tenant, code) WHERE (code IS NOT NULL);

CREATE INDEX app_known ON record.app USING btree (tenant, app, known_from);

CREATE UNIQUE INDEX app_one ON record.app USING btree (tenant, app) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX app_refresh_grant ON record.app_refresh USING btree (tenant, grant_id);

CREATE INDEX audit_recorded ON record.audit USING btree (tenant, recorded);

CREATE INDEX call_about ON record.call USING gin (about);

CREATE INDEX call_given ON record.call USING btree (tenant, account, ended) WHERE (outcome = 'given'::text);

CREATE INDEX call_open ON record.call USING btree (tenant, account) WHERE (outcome = ''::text);

CREATE UNIQUE INDEX call_place_begun ON record.call_place USING btree (tenant, account) WHERE ((proved IS NULL) AND (ended = 'infinity'::timestamp with time zone));

CREATE UNIQUE INDEX call_place_proved ON record.call_place USING btree (tenant, account) WHERE ((proved IS NOT NULL) AND (ended = 'infinity'::timestamp with time zone));

CREATE INDEX care_table_name ON record.care_table USING btree (tenant, name, valid_to);

CREATE INDEX credential_account ON record.credential USING btree (tenant, account);

CREATE INDEX credential_app ON record.credential USING btree (tenant, app) WHERE (app IS NOT NULL);

CREATE INDEX credential_grant ON record.credential USING btree (tenant, grant_id) WHERE (grant_id IS NOT NULL);

CREATE INDEX date_of_row ON record.date USING btree (tenant, rid);

CREATE INDEX date_turned ON record.date USING btree (tenant, key, rid) WHERE (low >= high);

CREATE INDEX date_until ON record.date USING btree (tenant, key, high, rid) INCLUDE (low);

CREATE INDEX date_value ON record.date USING btree (tenant, key, low, rid);

CREATE UNIQUE INDEX direct_certificate_once ON record.direct_certificate USING btree (tenant, partner, kind, fingerprint) WHERE (revoked = 'infinity'::timestamp with time zone);

CREATE INDEX direct_letter_open ON record.direct_letter USING btree (begun) WHERE (state = ANY (ARRAY['leaving'::text, 'sent'::text]));

CREATE INDEX direct_letter_partner ON record.direct_letter USING btree (tenant, partner, begun);

CREATE UNIQUE INDEX direct_mailbox_one ON record.direct_mailbox USING btree (tenant) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE UNIQUE INDEX direct_partner_one ON record.direct_partner USING btree (tenant, partner) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX direct_refused_new ON record.direct_refused USING btree (tenant, at) WHERE (seen IS NULL);

CREATE INDEX disclosure_made ON record.disclosure USING btree (tenant, made);

CREATE INDEX disclosure_request ON record.disclosure USING btree (tenant, request);

CREATE INDEX edge_of_row ON record.edge USING btree (tenant, rid);

CREATE INDEX edge_target ON record.edge USING btree (tenant, target, type, param, rid);

CREATE INDEX emergency_account ON record.emergency USING btree (tenant, account, until);

CREATE INDEX emergency_declared ON record.emergency USING btree (tenant, declared);

CREATE INDEX exchange_alarm_open ON record.exchange_alarm USING btree (tenant) WHERE (closed = 'infinity'::timestamp with time zone);

CREATE UNIQUE INDEX exchange_batch_once ON record.exchange_batch USING btree (tenant, partner, begins);

CREATE INDEX exchange_batch_out ON record.exchange_batch USING btree (tenant, partner) WHERE (over IS NULL);

CREATE INDEX exchange_intent_about ON record.exchange_intent USING btree (tenant, about);

CREATE INDEX exchange_intent_lane ON record.exchange_intent USING btree (tenant, lane, n) WHERE (state = 'waiting'::text);

CREATE INDEX exchange_intent_waiting ON record.exchange_intent USING btree (tenant, partner, n) WHERE (state = 'waiting'::text);

CREATE INDEX exchange_intent_withheld ON record.exchange_intent USING btree (tenant, n) WHERE (state = 'withheld'::text);

CREATE INDEX exchange_message_asked ON record.exchange_message USING btree (tenant, partner, received) WHERE ((direction = 'out'::text) AND (closed IS NULL) AND (kind = ANY (ARRAY['ORM^O01'::text, 'OML^O21'::text])));

CREATE INDEX exchange_message_asked_about ON record.exchange_message USING btree (tenant, about) WHERE ((direction = 'out'::text) AND (closed IS NULL) AND (kind = ANY (ARRAY['ORM^O01'::text, 'OML^O21'::text])));

CREATE INDEX exchange_message_batch ON record.exchange_message USING btree (tenant, batch) WHERE (batch IS NOT NULL);

CREATE INDEX exchange_message_blocked ON record.exchange_message USING btree (tenant, partner, seq) WHERE (blocked OR (test AND (state = 'held'::text)));

CREATE INDEX exchange_message_documents ON record.exchange_message USING btree (tenant, seq) WHERE ((direction = 'out'::text) AND (door = 'document'::text) AND (state = 'received'::text));

CREATE INDEX exchange_message_heard ON record.exchange_message USING btree (tenant, partner, received) WHERE (direction = 'in'::text);

CREATE INDEX exchange_message_kept ON record.exchange_message USING btree (tenant, received) WHERE ((state = ANY (ARRAY['mapped'::text, 'aside'::text])) AND (destroyed IS NULL));

CREATE INDEX exchange_message_lane ON record.exchange_message USING btree (tenant, lane, seq) WHERE (state = ANY (ARRAY['received'::text, 'review'::text, 'held'::text]));

CREATE INDEX exchange_message_leaving ON record.exchange_message USING btree (tenant, partner, seq) WHERE ((direction = 'out'::text) AND (state = 'received'::text));

CREATE INDEX exchange_message_listed ON record.exchange_message USING btree (tenant, seq);

CREATE INDEX exchange_message_lost ON record.exchange_message USING btree (tenant) WHERE lost;

CREATE UNIQUE INDEX exchange_message_once ON record.exchange_message USING btree (tenant, partner, direction, control, digest);

CREATE INDEX exchange_message_open ON record.exchange_message USING btree (tenant, state, seq) WHERE (state = ANY (ARRAY['review'::text, 'held'::text, 'failed'::text]));

CREATE INDEX exchange_message_owed ON record.exchange_message USING btree (tenant, partner, received) WHERE (state = ANY (ARRAY['received'::text, 'review'::text, 'held'::text, 'failed'::text]));

CREATE INDEX exchange_message_traffic ON record.exchange_message USING btree (tenant, received) INCLUDE (partner, direction, state);

CREATE INDEX exchange_message_unanswered ON record.exchange_message USING btree (tenant, partner, seq) WHERE ((direction = 'in'::text) AND (answered IS NULL));

CREATE INDEX exchange_message_waiting ON record.exchange_message USING btree (tenant, seq) WHERE (state = 'received'::text);

CREATE INDEX exchange_partner_known ON record.exchange_partner USING btree (tenant, partner, known_from);

CREATE UNIQUE INDEX exchange_partner_one ON record.exchange_partner USING btree (tenant, partner) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX exchange_run_listed ON record.exchange_run USING btree (tenant, partner, begun);

CREATE UNIQUE INDEX exchange_run_one ON record.exchange_run USING btree (tenant, partner) WHERE (state = 'running'::text);

CREATE INDEX export_failed ON record.export USING btree (finished) WHERE (state = 'failed'::text);

CREATE INDEX export_open ON record.export USING btree (begun) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX factor_account ON record.factor USING btree (tenant, account);

CREATE UNIQUE INDEX factor_handle ON record.factor USING btree (tenant, handle) WHERE (handle IS NOT NULL);

CREATE UNIQUE INDEX finding_subjects ON record.finding USING btree (tenant, kind, subjects);

CREATE INDEX grant_consent ON record.ground USING btree (tenant, consent) WHERE (effect <> 'relation'::text);

CREATE INDEX grant_patient ON record.ground USING btree (tenant, patient, recipient, basis) WHERE (effect <> 'relation'::text);

CREATE INDEX ground_deny ON record.ground USING btree (tenant, recipient) WHERE ((effect = 'deny'::text) AND (known_to = 'infinity'::timestamp with time zone));

CREATE INDEX ground_reach ON record.ground USING btree (tenant, patient, recipient) INCLUDE (purposes, action, bits, programs, valid_from, valid_to) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX group_session_starts ON record.group_session USING btree (tenant, starts);

CREATE UNIQUE INDEX group_session_time ON record.group_session USING btree (tenant, schedule, starts) WHERE (schedule <> ''::text);

CREATE INDEX incident_action_owner ON record.incident_action USING btree (tenant, owner, due) WHERE (state = 'open'::text);

CREATE INDEX incident_author ON record.incident USING btree (tenant, author, reported) WHERE (author <> ''::text);

CREATE INDEX incident_open ON record.incident USING btree (tenant, reported) WHERE (state <> 'closed'::text);

CREATE INDEX jurisdiction_tenant ON record.jurisdiction USING btree (tenant);

CREATE INDEX label_override_resource ON record.label_override USING btree (tenant, type, id) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX label_question_of ON record.label_question USING btree (tenant, type, id);

CREATE INDEX label_question_open ON record.label_question USING btree (tenant, asked) WHERE (answered IS NULL);

CREATE INDEX number_of_row ON record.number USING btree (tenant, rid);

CREATE INDEX number_value ON record.number USING btree (tenant, key, unit, low, rid);

CREATE INDEX outside_ask_due ON record.outside_ask USING btree (tenant, due) WHERE (state = 'waiting'::text);

CREATE INDEX outside_ask_open ON record.outside_ask USING btree (made) WHERE (state = 'waiting'::text);

CREATE INDEX outside_ask_patient ON record.outside_ask USING btree (tenant, patient, made);

CREATE INDEX outside_identity_account ON record.outside_identity USING btree (tenant, account);

CREATE UNIQUE INDEX outside_identity_one ON record.outside_identity USING btree (tenant, issuer, subject) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX outside_identity_subject ON record.outside_identity USING btree (tenant, issuer, subject);

CREATE INDEX paper_blob ON record.paper USING btree (tenant, blob);

CREATE INDEX paper_message ON record.paper USING btree (tenant, message) WHERE (message <> ''::text);

CREATE UNIQUE INDEX paper_source ON record.paper USING btree (tenant, source);

CREATE INDEX paper_unkeyed ON record.paper USING btree (tenant, paper) WHERE (source !~~ 'k:%'::text);

CREATE INDEX paper_waiting ON record.paper USING btree (tenant, arrived) WHERE (state = 'waiting'::text);

CREATE INDEX policy_key ON record.policy USING btree (tenant, key, level) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX program_site_program ON record.program_site USING btree (tenant, program);

CREATE INDEX reach_time_kind ON record.reach_time USING btree (tenant, kind);

CREATE INDEX relation_actor ON record.ground USING btree (tenant, recipient, patient) WHERE (effect = 'relation'::text);

CREATE INDEX relation_patient ON record.ground USING btree (tenant, patient, recipient) WHERE (effect = 'relation'::text);

CREATE INDEX relation_source ON record.ground USING btree (tenant, source) WHERE (effect = 'relation'::text);

CREATE INDEX resource_at ON record.resource USING btree (tenant, type, at DESC, rid DESC);

CREATE INDEX resource_chart ON record.resource USING btree (tenant, patient, type, at DESC, rid DESC);

CREATE INDEX resource_plain_updated ON record.resource USING btree (tenant, type, plain_updated, rid);

CREATE UNIQUE INDEX resource_rid ON record.resource USING btree (tenant, type, rid);

CREATE INDEX resource_updated ON record.resource USING btree (tenant, type, updated, rid);

CREATE INDEX role_rule_role ON record.role_rule USING btree (tenant, role);

CREATE UNIQUE INDEX sftp_account_login ON record.sftp_account USING btree (login) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE UNIQUE INDEX sftp_account_one ON record.sftp_account USING btree (tenant, partner) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX sftp_drop_partner ON record.sftp_drop USING btree (tenant, partner, seq);

CREATE UNIQUE INDEX sftp_errand_one ON record.sftp_errand USING btree (tenant, errand) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE INDEX sftp_file_box ON record.sftp_file USING btree (tenant, partner, seq);

CREATE INDEX sftp_file_message ON record.sftp_file USING btree (tenant, message) WHERE (message IS NOT NULL);

CREATE INDEX sftp_file_open ON record.sftp_file USING btree (updated) WHERE (state = ANY (ARRAY['open'::text, 'whole'::text]));

CREATE UNIQUE INDEX sftp_file_path ON record.sftp_file USING btree (tenant, partner, path) WHERE (state <> 'kept'::text);

CREATE UNIQUE INDEX sftp_key_once ON record.sftp_key USING btree (tenant, partner, fingerprint) WHERE (revoked = 'infinity'::timestamp with time zone);

CREATE INDEX sign_in_rule_door ON record.sign_in_rule USING btree (tenant, door);

CREATE INDEX string_of_row ON record.string USING btree (tenant, rid, key);

CREATE INDEX string_value ON record.string USING btree (tenant, key, folded, rid);

CREATE INDEX subscription_event_of ON record.subscription_event USING btree (tenant, subscription, type, id);

CREATE INDEX subscription_event_unsent ON record.subscription_event USING btree (at) WHERE (NOT sent);

CREATE INDEX subscription_open ON record.subscription USING btree (due) WHERE (state = ANY (ARRAY['requested'::text, 'active'::text]));

CREATE INDEX telling_target ON record.telling USING btree (tenant, target, seq);

CREATE UNIQUE INDEX tenant_bench ON record.tenant USING btree (bench_of);

CREATE INDEX thread_last ON record.thread USING btree (tenant, last);

CREATE INDEX thread_member_account ON record.thread_member USING btree (tenant, account);

CREATE INDEX thread_urgent ON record.thread USING btree (tenant, started) WHERE urgent;

CREATE INDEX throttle_until ON record.throttle USING btree (until);

CREATE INDEX ticket_account ON record.ticket USING btree (tenant, account);

CREATE INDEX ticket_expires ON record.ticket USING btree (expires);

CREATE INDEX version_in_the_open ON record.version USING btree (tenant, seq) WHERE (((own & (12)::bigint) <> 0) AND (body IS NOT NULL) AND ((body <> '\x'::bytea) OR (blobs IS DISTINCT FROM '{apart}'::text[])));

CREATE INDEX version_instance ON record.version USING btree (tenant, type, id, seq);

CREATE INDEX version_type ON record.version USING btree (tenant, type, seq);

CREATE INDEX vocabulary_concept_words ON record.vocabulary_concept USING gin (words);

CREATE INDEX vocabulary_edge_up ON record.vocabulary_edge USING btree (release, child, parent);

CREATE INDEX vocabulary_map_from ON record.vocabulary_map USING btree (release, code);

CREATE INDEX vocabulary_map_to ON record.vocabulary_map USING btree (release, target_system, target);

CREATE INDEX vocabulary_own_back ON record.vocabulary_own USING btree (tenant, target_system, target, known_from);

CREATE INDEX vocabulary_own_known ON record.vocabulary_own USING btree (tenant, system, code, known_from);

CREATE UNIQUE INDEX vocabulary_own_one ON record.vocabulary_own USING btree (tenant, system, code, target_system, target) WHERE (known_to = 'infinity'::timestamp with time zone);

CREATE UNIQUE INDEX vocabulary_release_active ON record.vocabulary_release USING btree (tenant, system) WHERE (state = 'active'::text);

CREATE INDEX vocabulary_release_known ON record.vocabulary_release USING btree (tenant, system, release);

CREATE TRIGGER bases_added AFTER INSERT ON record.resource REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record.note_bases();

CREATE TRIGGER bases_changed AFTER UPDATE ON record.resource FOR EACH ROW WHEN (((new.patient IS NOT NULL) AND (((old.own & (~ new.own)) <> 0) OR (NOT (new.origin <@ old.origin)) OR (old.patient IS DISTINCT FROM new.patient)))) EXECUTE FUNCTION record.note_bases_anew();

CREATE TRIGGER end_relations AFTER INSERT ON record.version FOR EACH ROW WHEN (((new.kind = ANY (ARRAY['update'::text, 'delete'::text])) AND (new.type = ANY (ARRAY['Encounter'::text, 'Appointment'::text, 'ServiceRequest'::text, 'RelatedPerson'::text])))) EXECUTE FUNCTION record.end_relations();

CREATE TRIGGER hush_relations AFTER UPDATE ON record.resource FOR EACH ROW WHEN (((old.own <> new.own) AND (new.own <> 0) AND (new.type = ANY (ARRAY['CareTeam'::text, 'EpisodeOfCare'::text, 'Encounter'::text, 'Appointment'::text, 'ServiceRequest'::text])))) EXECUTE FUNCTION record.hush_relations();

CREATE TRIGGER keep_across AFTER UPDATE ON record.resource FOR EACH ROW WHEN ((((old.refs & '4611686018427387904'::bigint) <> 0) AND ((new.refs & '4611686018427387904'::bigint) = 0))) EXECUTE FUNCTION record.keep_across();

CREATE CONSTRAINT TRIGGER keep_labels AFTER UPDATE OF own, parts, origin ON record.version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.own IS DISTINCT FROM new.own) OR (old.parts IS DISTINCT FROM new.parts) OR (old.origin IS DISTINCT FROM new.origin))) EXECUTE FUNCTION record.keep_labels();

CREATE TRIGGER label_turned AFTER UPDATE OF own ON record.resource FOR EACH ROW WHEN (((old.own = 0) <> (new.own = 0))) EXECUTE FUNCTION record.label_turned();

CREATE TRIGGER label_turned AFTER UPDATE OF own ON record.version FOR EACH ROW WHEN (((new.kind = 'delete'::text) AND ((old.own = 0) <> (new.own = 0)))) EXECUTE FUNCTION record.label_turned();

CREATE TRIGGER mark_across AFTER INSERT ON record.edge REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record.mark_across();

CREATE TRIGGER move_across AFTER UPDATE ON record.resource FOR EACH ROW WHEN ((old.patient IS DISTINCT FROM new.patient)) EXECUTE FUNCTION record.move_across();

CREATE TRIGGER plain_form_changed AFTER UPDATE ON record.resource FOR EACH ROW WHEN (((old.seq = old.rid) AND ((old.seq IS DISTINCT FROM new.seq) OR (old.body IS DISTINCT FROM new.body) OR (old.parts <> new.parts)))) EXECUTE FUNCTION record.drop_plain_form();

CREATE TRIGGER plain_form_gone AFTER DELETE ON record.resource FOR EACH ROW WHEN ((old.seq = old.rid)) EXECUTE FUNCTION record.drop_plain_form();

ALTER TABLE ONLY record.tenant
    ADD CONSTRAINT tenant_bench_of_fkey FOREIGN KEY (bench_of) REFERENCES record.tenant(tenant);

ALTER TABLE ONLY record.vocabulary_concept
    ADD CONSTRAINT vocabulary_concept_release_fkey FOREIGN KEY (release) REFERENCES record.vocabulary_release(release) ON DELETE CASCADE;

ALTER TABLE ONLY record.vocabulary_edge
    ADD CONSTRAINT vocabulary_edge_release_fkey FOREIGN KEY (release) REFERENCES record.vocabulary_release(release) ON DELETE CASCADE;

ALTER TABLE ONLY record.vocabulary_map
    ADD CONSTRAINT vocabulary_map_release_fkey FOREIGN KEY (release) REFERENCES record.vocabulary_release(release) ON DELETE CASCADE;

ALTER TABLE record.chart_bases ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.date ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.edge ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.ground ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.number ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.plain_form ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.resource ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.string ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON record.chart_bases FOR SELECT TO sojourn_read USING ((tenant = ( SELECT (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer AS int4)));

CREATE POLICY tenant ON record.date FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.edge FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.ground FOR SELECT TO sojourn_read USING ((tenant = ( SELECT (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer AS int4)));

CREATE POLICY tenant ON record.number FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.plain_form FOR SELECT TO sojourn_read USING ((tenant = ( SELECT (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer AS int4)));

CREATE POLICY tenant ON record.resource FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.string FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.token FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

CREATE POLICY tenant ON record.version FOR SELECT TO sojourn_read USING ((tenant = (('0'::text || COALESCE(current_setting('gate.tenant'::text, true), ''::text)))::integer));

ALTER TABLE record.token ENABLE ROW LEVEL SECURITY;

ALTER TABLE record.version ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA gate TO sojourn_read;
GRANT USAGE ON SCHEMA gate TO sojourn_app;

GRANT USAGE ON SCHEMA record TO sojourn_read;
GRANT USAGE ON SCHEMA record TO sojourn_app;

GRANT SELECT ON TABLE record.chart_bases TO sojourn_read;

GRANT SELECT ON TABLE record.ground TO sojourn_read;

GRANT SELECT ON TABLE record.consent_grant TO sojourn_read;

GRANT SELECT ON TABLE record.date TO sojourn_read;

GRANT SELECT ON TABLE record.edge TO sojourn_read;

GRANT SELECT ON TABLE record.number TO sojourn_read;

GRANT SELECT ON TABLE record.plain_form TO sojourn_read;

GRANT SELECT ON TABLE record.relation TO sojourn_read;

GRANT SELECT ON TABLE record.resource TO sojourn_read;

GRANT SELECT ON TABLE record.string TO sojourn_read;

GRANT SELECT ON TABLE record.token TO sojourn_read;

GRANT SELECT ON TABLE record.version TO sojourn_read;
