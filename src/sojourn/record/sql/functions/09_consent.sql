-- What a consent would open or close, asked of the gate itself: the rows are written, looked at as the recipient, and taken back.

-- The rows of a patient that one decision lets through. Not for doors: it runs within the function below, with its rights.
CREATE OR REPLACE FUNCTION gate.reached(
    p_tenant int, p_mask bigint, p_programs int[], p_keys text[], p_purpose text, p_action text, p_related boolean, p_now timestamptz,
    p_patient text, p_types text[], p_within bigint[]
) RETURNS bigint[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN ARRAY (
        SELECT r.rid FROM record.resource r
        WHERE r.tenant = p_tenant AND r.patient = p_patient AND (p_types IS NULL OR r.type = ANY (p_types))
          AND (p_within IS NULL OR r.rid = ANY (p_within)) AND /*row:r*/);
END $$;

-- By type: how many rows of the patient the one who asks sees (total), and of these how many the recipient would see now (before) and
-- with the given grants and relations, or without those of one Consent (after). Nothing that the one who asks may not see has a part
-- in the answer: neither rows, nor what Consents, care teams and episodes hidden from them permit, forbid or relate.
-- The settings: a plan for each row's functions, made anew each time, costs fifty times the looking.
CREATE OR REPLACE FUNCTION gate.consent_preview(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz,
    p_mask bigint, p_programs int[], p_keys text[], p_purpose text, p_action text, p_related boolean,
    p_patient text, p_counted text[], p_shared text[], p_as text[], p_for text, p_opens bigint, p_without text, p_grants jsonb, p_relations jsonb
) RETURNS TABLE (type text, total int, before int, after int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    mine bigint[];
    known text[];
    sooner bigint[] := '{}';
    later bigint[] := '{}';
BEGIN
    /*alive*/
    mine := gate.reached(p_tenant, p_mask, p_programs, p_keys, p_purpose, p_action, p_related, p_now, p_patient, NULL, NULL);
    known := ARRAY (SELECT r.type || '/' || r.id FROM record.resource r
                    WHERE r.tenant = p_tenant AND r.patient = p_patient AND r.type IN ('Consent', 'CareTeam', 'EpisodeOfCare') AND r.rid = ANY (mine));
    BEGIN
        UPDATE record.consent_grant g SET known_to = p_now
        WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.known_to = 'infinity' AND NOT 'Consent/' || g.consent = ANY (known);
        UPDATE record.relation l SET known_to = p_now
        WHERE l.tenant = p_tenant AND l.patient = p_patient AND l.known_to = 'infinity' AND NOT l.source = ANY (known);
        sooner := gate.reached(p_tenant, p_opens, '{}', p_as, p_for, 'disclose', true, p_now, p_patient, p_shared, mine);
        IF p_without IS NOT NULL THEN
            UPDATE record.consent_grant g SET known_to = p_now
            WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.known_to = 'infinity' AND g.consent = p_without;
            UPDATE record.relation l SET known_to = p_now
            WHERE l.tenant = p_tenant AND l.patient = p_patient AND l.known_to = 'infinity' AND l.source = 'Consent/' || p_without;
        END IF;
        INSERT INTO record.consent_grant (tenant, patient, consent, consent_seq, effect, basis, recipient, purposes, action, programs,
            types, codes, data_from, data_to, resources, valid_from, valid_to, known_from)
        SELECT p_tenant, p_patient, '', 0, g.effect, g.basis, g.recipient, g.purposes, g.action, g.programs,
            g.types, g.codes, g.data_from, g.data_to, g.resources, g.valid_from, g.valid_to, p_now
        FROM jsonb_to_recordset(p_grants) AS g(effect text, basis bigint, recipient text, purposes text[], action text, programs int[],
            types text[], codes bigint[], data_from timestamptz, data_to timestamptz, resources text[], valid_from timestamptz, valid_to timestamptz);
        INSERT INTO record.relation (tenant, patient, actor, kind, source, valid_from, valid_to, known_from)
        SELECT p_tenant, p_patient, l.actor, l.kind, '', l.valid_from, l.valid_to, p_now
        FROM jsonb_to_recordset(p_relations) AS l(actor text, kind text, valid_from timestamptz, valid_to timestamptz);
        later := gate.reached(p_tenant, p_opens, '{}', p_as, p_for, 'disclose', true, p_now, p_patient, p_shared, mine);
        RAISE EXCEPTION 'take it back' USING ERRCODE = 'SJ000';
    EXCEPTION WHEN SQLSTATE 'SJ000' THEN
        NULL;  -- the variables stay, the rows do not
    END;
    RETURN QUERY
    SELECT r.type, count(*)::int, (count(*) FILTER (WHERE r.rid = ANY (sooner)))::int, (count(*) FILTER (WHERE r.rid = ANY (later)))::int
    FROM record.resource r
    WHERE r.tenant = p_tenant AND r.patient = p_patient AND r.type = ANY (p_counted) AND r.rid = ANY (mine)
    GROUP BY r.type ORDER BY r.type;
END $$;

-- By what these recipients may know something of a patient now: what relates them, and which Consents permit them something.
CREATE OR REPLACE FUNCTION gate.known_by(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_patient text, p_keys text[])
RETURNS TABLE (source text, relates boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT l.source, true FROM record.relation l
    WHERE l.tenant = p_tenant AND l.patient = p_patient AND l.actor = ANY (p_keys) AND l.known_to = 'infinity' AND l.valid_from <= p_now AND p_now < l.valid_to
    UNION
    SELECT 'Consent/' || g.consent, false FROM record.consent_grant g
    WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.recipient = ANY (p_keys) AND g.effect = 'permit' AND g.known_to = 'infinity'
      AND g.valid_from <= p_now AND p_now < g.valid_to;
END $$;

-- For a transaction that is taken back: of what lets these recipients know something of a patient only what is named stays. All that is forbidden stays, too.
CREATE OR REPLACE FUNCTION gate.known_only(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_patient text, p_keys text[], p_known text[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    UPDATE record.consent_grant g SET known_to = p_now
    WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.recipient = ANY (p_keys) AND g.effect = 'permit' AND g.known_to = 'infinity'
      AND NOT 'Consent/' || g.consent = ANY (p_known);
    UPDATE record.relation l SET known_to = p_now
    WHERE l.tenant = p_tenant AND l.patient = p_patient AND l.actor = ANY (p_keys) AND l.known_to = 'infinity' AND NOT l.source = ANY (p_known);
END $$;

-- Whether anybody forbade one of these something that is not over: from whoever that is anything may be withheld (decision 55).
CREATE OR REPLACE FUNCTION gate.is_denied(p_tenant int, p_keys text[], p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM record.consent_grant g
                   WHERE g.tenant = p_tenant AND g.recipient = ANY (p_keys) AND g.effect = 'deny' AND g.known_to = 'infinity' AND p_now < g.valid_to)
$$;

-- The open grants and relations of one Consent, for the page that says what a revocation stops.
CREATE OR REPLACE FUNCTION gate.consent_rows(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_consent text)
RETURNS TABLE (what text, effect text, recipient text, purpose text, basis bigint, valid_from timestamptz, valid_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT 'grant', g.effect, g.recipient, u.purpose, bit_or(g.basis), min(g.valid_from), max(g.valid_to)
    FROM record.consent_grant g CROSS JOIN LATERAL unnest(g.purposes) AS u(purpose)
    WHERE g.tenant = p_tenant AND g.consent = p_consent AND g.known_to = 'infinity' AND g.effect <> 'label' AND g.valid_from <= p_now AND p_now < g.valid_to
    GROUP BY g.effect, g.recipient, u.purpose
    UNION ALL
    SELECT 'relation', '', l.actor, '', 0, min(l.valid_from), max(l.valid_to) FROM record.relation l
    WHERE l.tenant = p_tenant AND l.source = 'Consent/' || p_consent AND l.known_to = 'infinity' AND l.valid_from <= p_now AND p_now < l.valid_to
    GROUP BY l.actor
    ORDER BY 1, 3, 4;
END $$;
