-- Emergencies and disclosures. Nothing here decides: it writes the rows by which the one predicate does (relation, consent_grant).

-- The patients whom an exact identity names, at most two, of those whom the bases given may open; and their Part 2 programs.
-- Texts and dates are compared as search compares them. Labelled elements name nobody.
CREATE OR REPLACE FUNCTION gate.emergency_find(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz,
    p_family_key bigint, p_family text, p_given_key bigint, p_given text, p_birth_key bigint, p_low timestamptz, p_high timestamptz,
    p_number bigint, p_patient text, p_open bigint
) RETURNS TABLE (patient text, programs int[]) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT r.id, coalesce((SELECT array_agg(DISTINCT o.program ORDER BY o.program)
                           FROM record.resource x CROSS JOIN LATERAL unnest(x.origin) AS o(program)
                           WHERE x.tenant = p_tenant AND x.patient = r.id AND (x.own & 2) <> 0), '{}')
    FROM record.resource r
    WHERE r.tenant = p_tenant AND r.type = 'Patient' AND (r.own & ~p_open) = 0
      AND CASE WHEN p_patient IS NOT NULL THEN r.id = p_patient ELSE
          EXISTS (SELECT FROM record.string f WHERE f.tenant = p_tenant AND f.rid = r.rid AND f.key = p_family_key AND f.folded = p_family
                  AND f.mask = 0)
          AND r.rid IN (SELECT g.rid FROM record.string g WHERE g.tenant = p_tenant AND g.key = p_given_key AND g.folded = p_given AND g.mask = 0)
          AND EXISTS (SELECT FROM record.date d WHERE d.tenant = p_tenant AND d.rid = r.rid AND d.key = p_birth_key AND d.low = p_low
                      AND d.high = p_high AND d.mask = 0)
          AND (p_number IS NULL OR r.tokens @> ARRAY[p_number]) END
    ORDER BY r.id LIMIT 2;
END $$;

-- A declared emergency: its row, and where somebody was found the relation and the grants by which the predicate lets them in. A
-- patient who refused emergency care by name of the purpose is not overridden: those denials are copied beside the grants.
CREATE OR REPLACE FUNCTION gate.emergency_declare(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_emergency text, p_account text, p_request text, p_sought text,
    p_patient text, p_reason text, p_because text, p_programs int[], p_actor text, p_purposes text[], p_basis bigint, p_until timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.emergency (tenant, emergency, account, request, sought, patient, reason, because, programs, declared, until)
    VALUES (p_tenant, p_emergency, p_account, p_request, p_sought, p_patient, p_reason, p_because, p_programs, p_now, p_until);
    IF p_patient IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_from, valid_to, known_from)
    VALUES (p_tenant, p_patient, p_actor, 'emergency', 'emergency/' || p_emergency, p_now, p_until, p_now);
    IF cardinality(p_programs) > 0 THEN
        INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs,
            valid_from, valid_to, known_from)
        SELECT p_tenant, p_patient, 'emergency/' || p_emergency, 0, 'permit', p_basis, p_actor, ARRAY (SELECT DISTINCT u FROM unnest(p_purposes) u ORDER BY u), 'use', p_programs, p_now, p_until, p_now
        WHERE cardinality(p_purposes) > 0;
    END IF;
    INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs, types, codes,
        data_from, data_to, resources, valid_from, valid_to, known_from)
    SELECT d.tenant, d.patient, 'emergency/' || p_emergency, 0, 'deny', d.basis, p_actor, ARRAY (SELECT u FROM unnest(d.purposes) u WHERE u = ANY (p_purposes) ORDER BY u), '*', d.programs, d.types, d.codes,
        d.data_from, d.data_to, d.resources, greatest(d.valid_from, p_now), least(d.valid_to, p_until), p_now
    FROM record.consent_grant d
    WHERE d.tenant = p_tenant AND d.patient = p_patient AND d.effect = 'deny' AND d.purposes && p_purposes AND d.known_to = 'infinity'
      AND d.valid_from < p_until AND p_now < d.valid_to AND d.consent NOT LIKE 'emergency/%';
END $$;

-- End it before its time. What was known stays, closed; the shorter truth is added.
CREATE OR REPLACE FUNCTION gate.emergency_end(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_emergency text, p_account text, p_any boolean
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    mark text := 'emergency/' || p_emergency;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    IF NOT EXISTS (SELECT FROM record.emergency e
                   WHERE e.tenant = p_tenant AND e.emergency = p_emergency AND (p_any OR e.account = p_account) AND p_now < e.until
                     AND NOT EXISTS (SELECT FROM record.emergency_event v
                                     WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'ended')) THEN
        RETURN false;
    END IF;
    INSERT INTO record.emergency_event (tenant, emergency, at, kind, account) VALUES (p_tenant, p_emergency, p_now, 'ended', p_account);
    WITH closed AS (
        UPDATE record.relation l SET known_to = p_now
        WHERE l.tenant = p_tenant AND l.source = mark AND l.known_to = 'infinity' RETURNING l.*)
    INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_from, valid_to, known_from)
    SELECT c.tenant, c.patient, c.actor, c.kind, c.source, c.valid_from, least(c.valid_to, p_now), p_now FROM closed c;
    WITH closed AS (
        UPDATE record.consent_grant g SET known_to = p_now
        WHERE g.tenant = p_tenant AND g.consent = mark AND g.known_to = 'infinity' RETURNING g.*)
    INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs, types, codes,
        data_from, data_to, resources, valid_from, valid_to, known_from)
    SELECT c.tenant, c.patient, c.consent, c.consent_seq, c.effect, c.basis, c.recipient, c.purposes, c.action, c.programs, c.types, c.codes,
        c.data_from, c.data_to, c.resources, c.valid_from, least(c.valid_to, p_now), p_now FROM closed c;
    RETURN true;
END $$;

-- Whether the documentation of 2.51(c) stands in the record: it could not be written at once (undocumented), or was later (documented).
CREATE OR REPLACE FUNCTION gate.emergency_documented(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_emergency text, p_account text, p_done boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.emergency_event (tenant, emergency, at, kind, account)
    VALUES (p_tenant, p_emergency, p_now, CASE WHEN p_done THEN 'documented' ELSE 'undocumented' END, p_account);
END $$;

-- What one of the privacy officers found. A later look adds a line; the first ends the waiting. p_programs: of a reviewer who may not see every program's
-- records, the programs for which they speak; null: for all.
CREATE OR REPLACE FUNCTION gate.emergency_review(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_emergency text, p_account text, p_decision text, p_note text, p_programs int[]
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.emergency_event (tenant, emergency, at, kind, account, decision, note, programs)
    SELECT p_tenant, e.emergency, p_now, 'reviewed', p_account, p_decision, p_note,
           CASE WHEN p_programs IS NULL THEN NULL ELSE ARRAY (SELECT x FROM unnest(e.programs) AS x WHERE x = ANY (p_programs) ORDER BY x) END
    FROM record.emergency e WHERE e.tenant = p_tenant AND e.emergency = p_emergency;
    RETURN FOUND;
END $$;

-- Whether an emergency was reviewed for these programs: by somebody who spoke for all, or for each of them.
CREATE OR REPLACE FUNCTION gate.emergency_reviewed(p_tenant int, p_emergency text, p_programs int[]) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT count(*) > 0 AND (bool_or(v.programs IS NULL) OR (p_programs <> '{}' AND p_programs <@ ARRAY (
        SELECT x FROM record.emergency_event w CROSS JOIN LATERAL unnest(w.programs) AS x
        WHERE w.tenant = p_tenant AND w.emergency = p_emergency AND w.kind = 'reviewed')))
    FROM record.emergency_event v WHERE v.tenant = p_tenant AND v.emergency = p_emergency AND v.kind = 'reviewed'
$$;

-- Where an account stands, for the top of every page: its emergencies in force, and (for who oversees) how many wait for their review (below).
CREATE OR REPLACE FUNCTION gate.standing(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_reader text, p_account text
) RETURNS TABLE (emergency text, patient text, until timestamptz, waiting bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT e.emergency, e.patient, e.until, NULL::bigint FROM record.emergency e
    WHERE e.tenant = p_tenant AND e.account = p_account AND p_now < e.until AND e.patient IS NOT NULL
      AND NOT EXISTS (SELECT FROM record.emergency_event v WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'ended');
    RETURN QUERY
    SELECT NULL::text, NULL::text, NULL::timestamptz, CASE WHEN p_reader IN ('whole', 'part') THEN (
        SELECT count(*) FROM gate.emergencies(p_tenant, p_credential, p_generation, p_now, p_mask, p_programs, p_keys, p_purpose, p_action, p_related,
                                              p_reader, NULL, true, NULL)) ELSE 0 END;
END $$;

-- Emergencies for the review queue: those that wait first, then the newest; or one; or those that wait. Whose review it is
-- (docs/decisions/0104-the-desk-and-the-predicate.md):
--
--   whole   the reader sees every program's records: each, also when nobody was found; but of a patient whom they may not see.
--   part    the reader does not: where they may see the patient, and work in a Part 2 program that was opened. Of those opened they are told of their own, and
--           of what another reviewer wrote only what was said for these. An emergency that opened none of theirs is not in their queue, whether it opened
--           others, or none, or nobody was found: what is not there must not tell.
CREATE OR REPLACE FUNCTION gate.emergencies(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_reader text, p_one text, p_waiting boolean, p_limit int
) RETURNS TABLE (emergency text, account text, name text, request text, sought text, patient text, reason text, because text, programs int[],
               declared timestamptz, until timestamptz, ended timestamptz, reviewed timestamptz, reviewer text, decision text, note text, documented boolean,
               agent text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT e.emergency, e.account, a.name, e.request, e.sought, e.patient, e.reason, e.because, s.programs, e.declared, e.until,
           (SELECT min(v.at) FROM record.emergency_event v WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'ended'),
           w.at, b.name, coalesce(w.decision, ''), CASE WHEN p_reader = 'whole' OR w.programs <@ p_programs THEN w.note ELSE '' END,
           NOT EXISTS (SELECT FROM record.emergency_event v
                       WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'undocumented'
                         AND NOT EXISTS (SELECT FROM record.emergency_event d
                                         WHERE d.tenant = p_tenant AND d.emergency = e.emergency AND d.kind = 'documented')),
           a.agent
    FROM record.emergency e
    JOIN record.account a ON a.tenant = e.tenant AND a.account = e.account
    CROSS JOIN LATERAL (SELECT CASE WHEN p_reader = 'whole' THEN e.programs
                                    ELSE ARRAY (SELECT x FROM unnest(e.programs) AS x WHERE x = ANY (p_programs) ORDER BY x) END AS programs) s
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM record.emergency_event v WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'reviewed' AND v.programs IS NULL)
                               OR gate.emergency_reviewed(p_tenant, e.emergency, s.programs) AS done) q  -- the first is nearly every one, and asked at the top of every page
    LEFT JOIN LATERAL (SELECT v.* FROM record.emergency_event v
                       WHERE q.done AND v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'reviewed'
                         AND (p_reader = 'whole' OR v.programs IS NULL OR v.programs && s.programs) ORDER BY v.at DESC LIMIT 1) w ON true
    LEFT JOIN record.account b ON b.tenant = p_tenant AND b.account = w.account
    WHERE e.tenant = p_tenant AND (p_one IS NULL OR e.emergency = p_one) AND (NOT p_waiting OR NOT q.done)
      AND (CASE WHEN p_reader = 'whole' THEN NOT EXISTS (
                    SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = 'Patient' AND r.id = e.patient AND NOT /*row:r*/)
                WHEN s.programs = '{}' THEN false
                ELSE EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = 'Patient' AND r.id = e.patient AND /*row:r*/) END)
    ORDER BY q.done, e.declared DESC, e.emergency LIMIT p_limit;
END $$;

-- How many emergencies that were declared before a moment nobody has reviewed, in any part, and since when the oldest waits. Of everybody, whoever may review
-- what: it says what the notices say (a Task each, closed by the first review), and no more.
CREATE OR REPLACE FUNCTION gate.emergencies_left(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_before timestamptz)
RETURNS TABLE (number bigint, oldest timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT count(*), min(e.declared) FROM record.emergency e
    WHERE e.tenant = p_tenant AND e.declared < p_before
      AND NOT EXISTS (SELECT FROM record.emergency_event v WHERE v.tenant = p_tenant AND v.emergency = e.emergency AND v.kind = 'reviewed');
END $$;

-- Whose the versions named (Type/id/_history/version) are, and the consents in force by which they may go to these recipients for this
-- purpose, as they stand now. A patient without any is there once, without one. What is left of an answer may not say whose it is.
CREATE OR REPLACE FUNCTION gate.consents_for(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_keys text[], p_purpose text, p_action text, p_what text[]
) RETURNS TABLE (patient text, consent text, version text, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    WITH whose AS (
        SELECT DISTINCT v.patient FROM unnest(p_what) AS w(name)
        JOIN record.version v ON v.tenant = p_tenant AND v.type = split_part(w.name, '/', 1) AND v.id = split_part(w.name, '/', 2)
                             AND v.version = split_part(w.name, '/', 4)
        WHERE v.patient IS NOT NULL)
    SELECT whose.patient, c.id, c.version, c.body FROM whose
    LEFT JOIN LATERAL (
        SELECT DISTINCT v.id, v.version, /*body:v*/ AS body FROM record.consent_grant g
        JOIN record.version v ON v.tenant = p_tenant AND v.seq = g.consent_seq AND v.type = 'Consent'
        WHERE g.tenant = p_tenant AND g.patient = whose.patient AND g.recipient = ANY (p_keys) AND g.effect = 'permit'
          AND p_purpose = ANY (g.purposes) AND g.action = p_action AND g.valid_from <= p_now AND p_now < g.valid_to AND g.known_to = 'infinity') c ON true
    ORDER BY whose.patient, c.id;
END $$;

-- Whether a note kept apart (12), or a part that is one, is among what is named (Type/id/_history/version, or Type/id): what holds one is sealed under the key of
-- such notes. So is what names something that is not there.
CREATE OR REPLACE FUNCTION gate.names_apart(p_tenant int, p_what text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT EXISTS (SELECT FROM unnest(p_what) AS w(name) WHERE coalesce((
        SELECT bool_or(((v.own | v.parts) & 12) <> 0) FROM record.version v
        WHERE v.tenant = p_tenant AND v.type = split_part(w.name, '/', 1) AND v.id = split_part(w.name, '/', 2)
          AND (split_part(w.name, '/', 4) = '' OR v.version = split_part(w.name, '/', 4))), true))
$$;

-- A disclosure is written down before it leaves. p_found: what is in it was found by looking (a search): it hangs on all that was found.
CREATE OR REPLACE FUNCTION gate.disclosed(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_disclosure text, p_channel text, p_account text, p_request text,
    p_recipient text, p_purpose text, p_patients text[], p_what text[], p_consents text[], p_notice text, p_scope text, p_media text,
    p_digest text, p_size bigint, p_blob text, p_found boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.disclosure (tenant, disclosure, made, channel, account, request, recipient, purpose, what, consents, notice, scope, media,
        digest, size, blob, found)
    VALUES (p_tenant, p_disclosure, p_now, p_channel, p_account, p_request, p_recipient, p_purpose, p_what, p_consents, p_notice, p_scope,
        p_media, p_digest, p_size, p_blob, p_found);
    INSERT INTO record.disclosure_patient (tenant, patient, disclosure) SELECT DISTINCT p_tenant, u.patient, p_disclosure FROM unnest(p_patients) AS u(patient);
END $$;

-- The log as its reader may know it, newest first: all of it, one patient's, to some recipients, for a purpose, by some channels, of some days; or one entry. It goes on
-- behind p_before and p_last (docs/decisions/0104-the-desk-and-the-predicate.md).
--
--   whole   the reader sees every program's records: every entry, as it was written down.
--   part    the reader does not: only entries of which something is left, and of these what is left. That is what passes the predicate and was not found by
--           looking (what a search finds depends on all that its asker may see), types that programs share aside (a message about a visit names the patient,
--           too) and what has no patient of its own (a consent of whomever it refers to may have opened it), nor what left by consents of which the reader may see none. Without what was said and counted of all of it, and without those of people who work only in Part 2 programs that the reader does not.
--   else, and beside it, what the reader released: as it was written down.
--
-- opens, of one entry: everything that left, as it left and as it stands now, passes the predicate for the reader, and so do its parts.
CREATE OR REPLACE FUNCTION gate.disclosures(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_reader text, p_account text, p_one text, p_patient text, p_recipients text[], p_for text, p_channels text[],
    p_since timestamptz, p_until timestamptz, p_before timestamptz, p_last text, p_limit int
) RETURNS TABLE (disclosure text, made timestamptz, channel text, account text, name text, request text, recipient text, purpose text,
                 patients text[], what text[], consents text[], notice text, scope text, media text, digest text, size bigint, blob text, entire boolean, opens boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT d.disclosure, d.made, d.channel, d.account, a.name, CASE WHEN h.entire THEN d.request ELSE '' END, d.recipient, d.purpose,
           CASE WHEN h.entire THEN ARRAY (SELECT x.patient FROM record.disclosure_patient x WHERE x.tenant = p_tenant AND x.disclosure = d.disclosure ORDER BY x.patient)
                ELSE coalesce(s.patients, '{}') END,
           CASE WHEN h.entire THEN d.what ELSE s.what END,
           CASE WHEN h.entire THEN d.consents ELSE coalesce(k.consents, '{}') END,
           CASE WHEN h.entire THEN d.notice ELSE '' END, CASE WHEN h.entire THEN d.scope ELSE '' END, d.media, CASE WHEN h.entire THEN d.digest ELSE '' END,
           CASE WHEN h.entire THEN d.size ELSE 0 END, CASE WHEN h.entire THEN d.blob ELSE '' END, h.entire,
           p_one IS NOT NULL AND h.entire AND d.what <> '{}' AND d.blob <> '' AND NOT EXISTS (
               SELECT FROM unnest(d.what) AS w(name) WHERE NOT coalesce((
                   SELECT bool_and(/*row:v*/ AND /*part:v:v.parts | v.refs & 12*/ AND NOT EXISTS (
                       SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT (/*row:r*/ AND /*part:r:r.parts*/)))
                   FROM record.version v
                   WHERE v.tenant = p_tenant AND v.type = split_part(w.name, '/', 1) AND v.id = split_part(w.name, '/', 2)
                     AND (split_part(w.name, '/', 4) = '' OR v.version = split_part(w.name, '/', 4))), false))
    FROM record.disclosure d JOIN record.account a ON a.tenant = d.tenant AND a.account = d.account
    CROSS JOIN LATERAL (SELECT p_reader = 'whole' OR (d.account = p_account AND starts_with(d.channel, 'release')) AS entire) h
    LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT v.type || '/' || v.id) AS what, array_agg(DISTINCT v.patient) FILTER (WHERE v.patient IS NOT NULL) AS patients
        FROM unnest(d.what) AS w(name)
        JOIN record.version v ON v.tenant = p_tenant AND v.type = split_part(w.name, '/', 1) AND v.id = split_part(w.name, '/', 2)
                             AND v.version = split_part(w.name, '/', 4)
        WHERE p_reader = 'part' AND NOT h.entire AND NOT d.found AND v.patient IS NOT NULL AND v.type <> ALL (gate.longitudinal()) AND v.type <> 'Consent' AND /*row:v*/
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/)) s ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(c.name) AS consents FROM unnest(d.consents) AS c(name)
        JOIN record.version v ON v.tenant = p_tenant AND v.type = 'Consent' AND v.id = split_part(c.name, '/', 2) AND v.version = split_part(c.name, '/', 4)
        WHERE s.what IS NOT NULL AND /*row:v*/
          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/)) k ON true
    WHERE d.tenant = p_tenant AND (p_one IS NULL OR d.disclosure = p_one) AND (p_recipients IS NULL OR d.recipient = ANY (p_recipients))
      AND (p_for IS NULL OR d.purpose = p_for) AND (p_channels IS NULL OR d.channel = ANY (p_channels))
      AND (p_since IS NULL OR d.made >= p_since) AND (p_until IS NULL OR d.made < p_until)
      AND (p_before IS NULL OR d.made < p_before OR (d.made = p_before AND d.disclosure > p_last))
      AND (p_patient IS NULL OR EXISTS (SELECT FROM record.disclosure_patient x
                                        WHERE x.tenant = p_tenant AND x.patient = p_patient AND x.disclosure = d.disclosure))
      AND (h.entire OR (p_reader = 'part' AND s.what IS NOT NULL AND (d.consents = '{}' OR k.consents IS NOT NULL) AND (p_patient IS NULL OR p_patient = ANY (s.patients)) AND coalesce((
               SELECT bool_or(NOT p.part2 OR p.program = ANY (p_programs))
               FROM record.assignment s JOIN record.program p ON p.tenant = s.tenant AND p.program = ANY (s.programs) AND p.known_to = 'infinity'
               WHERE s.tenant = p_tenant AND s.account = d.account AND s.valid_from <= d.made AND d.made < s.valid_to AND s.known_to = 'infinity'), true)))
    ORDER BY d.made DESC, d.disclosure LIMIT p_limit;
END $$;

-- How many of these left since a moment.
CREATE OR REPLACE FUNCTION gate.disclosure_count(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_reader text, p_account text, p_since timestamptz
) RETURNS bigint LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF p_reader = 'whole' THEN
        PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
        RETURN (SELECT count(*) FROM record.disclosure d WHERE d.tenant = p_tenant AND d.made >= p_since);
    END IF;
    RETURN (SELECT count(*) FROM gate.disclosures(p_tenant, p_credential, p_generation, p_now, p_mask, p_programs, p_keys, p_purpose, p_action, p_related,
                                                  p_reader, p_account, NULL, NULL, NULL, NULL, NULL, p_since, NULL, NULL, NULL, NULL));
END $$;

-- The programs that made a resource that the caller has seen: what is written about it belongs to them.
CREATE OR REPLACE FUNCTION gate.origin_of(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_type text, p_id text
) RETURNS int[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN (SELECT r.origin FROM record.resource r WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id);
END $$;
