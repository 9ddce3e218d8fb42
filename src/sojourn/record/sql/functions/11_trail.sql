-- Lines of the trail as a reader may know them, newest first (docs/audit.md, "Who sees which lines").
--
-- A line is a record about records: whoever may not know of a resource must not learn of it from who looked at it. So what a line
-- showed is cut to the versions that pass the predicate for its reader, and its patients to those of these versions.
--
--   whole   the reader sees every program's records (a privacy officer of all): also lines that showed nothing, such as denials; a line
--           of which nothing is left is left out, but for searches, which look as if they had found nothing.
--   else    only lines of which something is left, without what was asked (it may name what was found), without numbers of versions
--           (they would count what was hidden), and without those of people who work only in Part 2 programs that the reader does not.
--           Of writes, only those that changed the unlabelled part, and not who wrote what every program shares (a name, an allergy):
--           that may be the hidden program. Of what somebody found by looking, an export, or looking as somebody else, nothing: what a search
--           finds, and on which page, depends on all that its asker may see, and a consent or an emergency that the reader may not know of lets
--           them see more. Of what an outside organization was shown, nothing that left by consents of which the reader may see none: that it was
--           shown would tell of them; so would what has no patient of its own, which a consent of whomever it refers to may have opened.
--           Signing in and out concerns no record and stays.
--   self    the reader is the patient: every line about them, with what is left of it, by name and without versions.
--
-- A line of a write is of the type of what is left of it for its reader (Bundle: of several): that something else was written with it is content, too.
-- mark: 32 bytes of a digest of the question and then the type as it was written, by which events are told apart. Neither is to be shown.
--
-- Lines are taken in chunks, and of each chunk every version that its lines showed is asked about once: those who treat a client open the same
-- resources day after day, and a year of looking at one chart shows each of its versions hundreds of times.
CREATE OR REPLACE FUNCTION gate.trail(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_reader text, p_patient text, p_account text, p_actions text[], p_outcome text, p_type text, p_for text,
    p_entity text, p_request text, p_outside boolean, p_from timestamptz, p_until timestamptz, p_alone boolean, p_at timestamptz, p_stamp bigint, p_n bigint, p_limit int
) RETURNS TABLE (recorded timestamptz, stamp bigint, n bigint, request text, account text, name text, kind text, agent text, role text,
                 door text, purpose text, action text, outcome text, type text, query text, patients text[], entities text[], mark bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    size CONSTANT int := least(greatest(p_limit, 50), 1000);
    chunk record.audit[];
    head record.seal;
    found record;
    line record.audit;
    people text[];                              -- accounts asked for, by name or by whom they stand for
    wanted text[];
    left_of text[];
    whose text[];
    asked text;
    looking boolean;
    cut boolean;                                -- it wrote more than is left of it
    known boolean;                              -- the reader may know that they work here
    given int := 0;
    at timestamptz := p_at;                     -- where the next chunk begins
    at_stamp bigint := p_stamp;
    at_n bigint := p_n;
BEGIN
    /*alive*/
    IF p_account IS NOT NULL THEN
        people := ARRAY (SELECT c.account FROM record.account c WHERE c.tenant = p_tenant AND (c.account = p_account OR c.agent = p_account));
    END IF;
    IF p_patient IS NOT NULL THEN
        wanted := ARRAY['Patient/' || p_patient];
    ELSIF people IS NOT NULL THEN
        wanted := ARRAY (SELECT 'account:' || x FROM unnest(people) AS x);
    END IF;
    SELECT s.* INTO head FROM record.seal s WHERE s.tenant = p_tenant ORDER BY s.number DESC LIMIT 1;
    LOOP
        IF wanted IS NULL THEN
            chunk := ARRAY (SELECT l FROM record.audit l
                WHERE l.tenant = p_tenant AND l.recorded >= p_from AND l.recorded < p_until AND l.recorded <= at AND (l.recorded, l.stamp, l.n) < (at, at_stamp, at_n)
                ORDER BY l.recorded DESC, l.stamp DESC, l.n DESC LIMIT size);
        ELSE
            -- What is sealed is found by its keys; the few lines that are not yet, by looking at each.
            chunk := ARRAY (SELECT l FROM (
                    SELECT k.recorded, k.stamp, k.n FROM record.audit_key k
                    WHERE k.tenant = p_tenant AND k.key = ANY (wanted) AND k.recorded >= p_from AND k.recorded < p_until
                      AND (k.recorded, k.stamp, k.n) < (at, at_stamp, at_n)
                    UNION ALL
                    SELECT u.recorded, u.stamp, u.n FROM record.audit u
                    WHERE u.tenant = p_tenant AND (u.stamp, u.n) > (coalesce(head.stamp, -1), coalesce(head.n, -1))
                      AND u.recorded >= p_from AND u.recorded < p_until AND (u.recorded, u.stamp, u.n) < (at, at_stamp, at_n)
                      AND (CASE WHEN p_patient IS NULL THEN u.account = ANY (people) ELSE p_patient = ANY (u.patients) END)
                    ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT size) f
                JOIN record.audit l ON l.tenant = p_tenant AND l.stamp = f.stamp AND l.n = f.n
                ORDER BY f.recorded DESC, f.stamp DESC, f.n DESC);
        END IF;
        EXIT WHEN chunk = '{}';
        at := chunk[cardinality(chunk)].recorded;
        at_stamp := chunk[cardinality(chunk)].stamp;
        at_n := chunk[cardinality(chunk)].n;
        FOR found IN
            WITH lines AS MATERIALIZED (
                SELECT l.ordinality AS place, l.shown, l.action IN ('read', 'vread', 'history', 'search', 'everything', 'report-rows', 'export', 'preview') AS looking, c.name, c.kind, c.agent
                FROM unnest(chunk) WITH ORDINALITY AS l LEFT JOIN record.account c ON c.tenant = p_tenant AND c.account = l.account
                WHERE (people IS NULL OR l.account = ANY (people)) AND (p_actions IS NULL OR l.action = ANY (p_actions))
                  AND (p_outcome IS NULL OR l.outcome = p_outcome) AND (p_type IS NULL OR l.type = p_type OR l.shown <> '{}') AND (p_for IS NULL OR l.purpose = p_for)
                  AND (p_request IS NULL OR l.request = p_request) AND (p_outside IS NULL OR p_outside = (coalesce(c.kind, '') = 'organization'))),
            told AS MATERIALIZED (
                SELECT v.seq, v.type || '/' || v.id AS thing, v.version, v.patient, (NOT v.apart OR /*part:v:12*/) AS said,
                       v.plain_seq = v.seq AND v.type <> ALL (gate.longitudinal()) AS plain
                FROM (SELECT DISTINCT s.seq FROM lines l CROSS JOIN unnest(l.shown) AS s(seq)) s
                JOIN record.version v ON v.tenant = p_tenant AND v.seq = s.seq
                WHERE ((p_reader <> 'self' AND NOT p_alone) OR v.patient = p_patient) AND /*row:v*/
                  AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/))
            SELECT l.place, l.name, l.kind, l.agent, l.looking, e.left_of, e.whose
            FROM lines l LEFT JOIN (
                SELECT m.place, CASE p_reader WHEN 'whole' THEN array_agg(t.thing || '/_history/' || t.version ORDER BY t.seq)
                       ELSE array_agg(DISTINCT t.thing) END AS left_of,
                       array_agg(DISTINCT t.patient) FILTER (WHERE t.patient IS NOT NULL) AS whose
                FROM lines m CROSS JOIN LATERAL (SELECT DISTINCT x FROM unnest(m.shown) x) AS s(seq) JOIN told t ON t.seq = s.seq
                WHERE (m.looking OR t.said) AND (p_reader <> 'part' OR m.looking OR t.plain)
                GROUP BY m.place) e ON e.place = l.place
            ORDER BY l.place
        LOOP
            line := chunk[found.place];
            left_of := found.left_of;
            whose := found.whose;
            looking := found.looking;
            name := found.name; kind := found.kind; agent := found.agent;
            asked := line.query; type := line.type;
            IF NOT looking AND left_of IS NOT NULL THEN
                cut := p_reader <> 'whole' OR cardinality(left_of) < (SELECT count(DISTINCT x) FROM unnest(line.shown) AS x);
                IF cut THEN
                    SELECT CASE WHEN min(t.x) = max(t.x) THEN min(t.x) ELSE 'Bundle' END INTO type FROM (SELECT split_part(e, '/', 1) AS x FROM unnest(left_of) AS e) t;
                    asked := array_to_string(ARRAY (SELECT split_part(e, '/', 1) || '/' || split_part(e, '/', 2) FROM unnest(left_of) AS e), ',');
                END IF;
            END IF;
            CONTINUE WHEN p_type IS NOT NULL AND type <> p_type;
            IF p_reader = 'whole' THEN
                CONTINUE WHEN line.shown <> '{}' AND left_of IS NULL AND line.action NOT IN ('search', 'history', 'everything');
                whose := CASE WHEN line.shown = '{}' THEN line.patients ELSE whose END;
            ELSIF p_reader = 'self' THEN
                CONTINUE WHEN NOT p_patient = ANY (line.patients);
                whose := ARRAY[p_patient];
                asked := '';
            ELSE
                CONTINUE WHEN left_of IS NULL AND NOT (line.type = '' AND line.patients = '{}' AND line.shown = '{}');
                SELECT coalesce(bool_or(NOT p.part2 OR p.program = ANY (p_programs)), true) INTO known
                FROM record.assignment s JOIN record.program p ON p.tenant = s.tenant AND p.program = ANY (s.programs) AND p.known_to = 'infinity'
                WHERE s.tenant = p_tenant AND s.account = line.account AND s.valid_from <= line.recorded AND line.recorded < s.valid_to
                  AND s.known_to = 'infinity';
                CONTINUE WHEN NOT known
                    OR (looking AND NOT (line.action IN ('read', 'vread') OR (line.action = 'history' AND line.query ~ '^[A-Za-z]+/[^/]+/_history$')))
                    OR (looking AND kind = 'organization' AND whose IS NULL)
                    OR (left_of IS NOT NULL AND NOT coalesce((
                        SELECT bool_or(d.consents = '{}' OR EXISTS (
                            SELECT FROM unnest(d.consents) AS c(name)
                            JOIN record.version v ON v.tenant = p_tenant AND v.type = 'Consent' AND v.id = split_part(c.name, '/', 2) AND v.version = split_part(c.name, '/', 4)
                            WHERE /*row:v*/
                              AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/)))
                        FROM record.disclosure d WHERE d.tenant = p_tenant AND d.request = line.request AND d.account = line.account),
                        NOT looking OR coalesce(kind, '') <> 'organization'));  -- what was looked at outside, and did not leave, hung on the rest
                asked := '';
            END IF;
            CONTINUE WHEN p_patient IS NOT NULL AND NOT coalesce(p_patient = ANY (whose), false);
            CONTINUE WHEN p_entity IS NOT NULL AND NOT coalesce(p_entity = ANY (ARRAY (
                SELECT split_part(e, '/', 1) || '/' || split_part(e, '/', 2) FROM unnest(left_of) AS e)), false);
            recorded := line.recorded; stamp := line.stamp; n := line.n; request := line.request; account := line.account; role := line.role; door := line.door;
            purpose := line.purpose; action := line.action; outcome := line.outcome; query := asked;
            mark := sha256(convert_to(line.query, 'UTF8')) || convert_to(line.type, 'UTF8');
            patients := coalesce(whose, '{}'); entities := coalesce(left_of, '{}');
            RETURN NEXT;
            given := given + 1;
            IF given >= p_limit THEN
                RETURN;
            END IF;
        END LOOP;
        EXIT WHEN cardinality(chunk) < size;
    END LOOP;
END $$;

-- Who can be asked for: every account, by name. Names of staff are no record of anybody.
CREATE OR REPLACE FUNCTION gate.people(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_limit int)
RETURNS TABLE (account text, login text, name text, kind text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    /*alive*/
    RETURN QUERY SELECT c.account, c.login, c.name, c.kind FROM record.account c
        WHERE c.tenant = p_tenant AND c.kind IN ('staff', 'organization', 'app', 'system') ORDER BY c.name, c.login LIMIT p_limit;
END $$;
