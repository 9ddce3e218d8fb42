-- Why: each sentence of the predicate by its name, for rows that are named or that belong to a patient. The caller behind p_credential
-- asks about a decision that need not be its own. What is spliced in is the predicate itself, sentence by sentence: nothing is said twice.

/*past*/

-- The version of a resource that was current at p_now, with the labels that it was known under at p_known.
CREATE OR REPLACE FUNCTION gate.version_past(p_known timestamptz, p_tenant int, p_type text, p_id text, p_now timestamptz)
RETURNS SETOF record.version LANGUAGE sql STABLE AS $$
    SELECT p.* FROM record.version w
    LEFT JOIN LATERAL (SELECT b.own, b.parts, b.origin FROM record.label_before b
                       WHERE b.tenant = w.tenant AND b.seq = w.seq AND b.known > p_known ORDER BY b.known LIMIT 1) b ON true
    CROSS JOIN LATERAL jsonb_populate_record(w, CASE WHEN b.own IS NULL THEN '{}'
                                                ELSE jsonb_build_object('own', b.own, 'parts', b.parts, 'origin', b.origin) END) p
    WHERE w.tenant = p_tenant
      AND w.seq = (SELECT v.seq FROM record.version v
                   WHERE v.tenant = p_tenant AND v.type = p_type AND v.id = p_id AND v.updated <= p_now ORDER BY v.seq DESC LIMIT 1)
$$;

-- gate.bears, asked of what stood then. Which references bear a row is taken from the row as it is now.
CREATE OR REPLACE FUNCTION gate.bears_past(
    p_known timestamptz, p_tenant int, p_rid bigint, p_type text, /*decision*/, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM record.edge e
        WHERE e.tenant = p_tenant AND e.rid = p_rid AND e.type = p_type AND e.param >= '!' AND e.param < '"'
        GROUP BY e.param
        HAVING bool_and(EXISTS (
            SELECT FROM gate.version_past(p_known, p_tenant, split_part(e.target, '/', 1), split_part(e.target, '/', 2), p_now) t
            WHERE NOT /*bare_past:t*/)));
END $$;

-- Rows as they are now: those named (Type/id; a deleted one as its deletion), or those of a patient. `may`: each sentence;
-- `permitted`: the bases of the row and its parts that pass, one by one.
CREATE OR REPLACE FUNCTION gate.explain(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, /*decision*/, p_names text[], p_patient text, p_types text[], p_limit int
) RETURNS TABLE (kind text, type text, id text, version text, seq bigint, updated timestamptz, patient text, at timestamptz, own bigint,
                 parts bigint, refs bigint, origin int[], ref_origin int[], tokens bigint[], permitted bigint, may jsonb, clean boolean, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT 'current', r.type, r.id, r.version, r.seq, r.updated, r.patient, r.at, r.own, r.parts, r.refs, r.origin, r.ref_origin, r.tokens,
           (SELECT coalesce(bit_or(b.bit), 0) FROM (SELECT 1::bigint << i AS bit FROM generate_series(0, 20) i) b
            WHERE (b.bit & (r.own | r.parts)) <> 0 AND /*part:r:b.bit*/),
           /*each:r*/, /*clean:r*/, /*body:r*/
    FROM unnest(p_names) AS n(name)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(n.name, '/', 1) AND r.id = split_part(n.name, '/', 2);
    RETURN QUERY
    SELECT v.kind, v.type, v.id, v.version, v.seq, v.updated, v.patient, v.at, v.own, v.parts, v.refs, v.origin, v.ref_origin, v.tokens,
           (SELECT coalesce(bit_or(b.bit), 0) FROM (SELECT 1::bigint << i AS bit FROM generate_series(0, 20) i) b
            WHERE (b.bit & (v.own | v.parts)) <> 0 AND /*part:v:b.bit*/),
           /*each:v*/, true, /*body:v*/
    FROM unnest(p_names) AS n(name)
    CROSS JOIN LATERAL (SELECT * FROM record.version w
                        WHERE w.tenant = p_tenant AND w.type = split_part(n.name, '/', 1) AND w.id = split_part(n.name, '/', 2)
                        ORDER BY w.seq DESC LIMIT 1) v
    WHERE v.kind = 'delete';
    RETURN QUERY
    SELECT 'current', r.type, r.id, r.version, r.seq, r.updated, r.patient, r.at, r.own, r.parts, r.refs, r.origin, r.ref_origin, r.tokens,
           (SELECT coalesce(bit_or(b.bit), 0) FROM (SELECT 1::bigint << i AS bit FROM generate_series(0, 20) i) b
            WHERE (b.bit & (r.own | r.parts)) <> 0 AND /*part:r:b.bit*/),
           /*each:r*/, /*clean:r*/, NULL::bytea
    FROM record.resource r
    WHERE r.tenant = p_tenant AND r.patient = p_patient AND (p_types IS NULL OR r.type = ANY (p_types))
    ORDER BY r.type, r.at DESC, r.rid DESC LIMIT p_limit;
END $$;

-- The same as it stood at p_now, with what was known at p_known. p_asked: the moment of the question itself.
CREATE OR REPLACE FUNCTION gate.explain_past(
    p_tenant int, p_credential bytea, p_generation int, p_asked timestamptz, p_known timestamptz, p_now timestamptz, /*decision*/,
    p_names text[], p_patient text, p_types text[], p_limit int
) RETURNS TABLE (kind text, type text, id text, version text, seq bigint, updated timestamptz, patient text, at timestamptz, own bigint,
                 parts bigint, refs bigint, origin int[], ref_origin int[], tokens bigint[], permitted bigint, may jsonb, clean boolean, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_asked);
    RETURN QUERY
    SELECT v.kind, v.type, v.id, v.version, v.seq, v.updated, v.patient, v.at, v.own, v.parts, v.refs, v.origin, v.ref_origin, v.tokens,
           (SELECT coalesce(bit_or(b.bit), 0) FROM (SELECT 1::bigint << i AS bit FROM generate_series(0, 20) i) b
            WHERE (b.bit & (v.own | v.parts)) <> 0 AND /*part_past:v:b.bit*/),
           /*each_past:v*/, /*clean:v*/, CASE WHEN p_patient IS NULL THEN v.body END
    FROM (SELECT split_part(n.name, '/', 1) AS type, split_part(n.name, '/', 2) AS id FROM unnest(p_names) AS n(name)
          UNION
          (SELECT r.type, r.id FROM record.resource r
           WHERE r.tenant = p_tenant AND r.patient = p_patient AND (p_types IS NULL OR r.type = ANY (p_types)) LIMIT p_limit)) x
    CROSS JOIN LATERAL gate.version_past(p_known, p_tenant, x.type, x.id, p_now) v
    ORDER BY v.type, v.at DESC, v.rid DESC LIMIT p_limit;
END $$;

-- What patients permitted and forbade these recipients (all of them: NULL), and who is related to the patient, with everything that
-- limits it, whether or not it holds at the moment: so that it can be said why not.
CREATE OR REPLACE FUNCTION gate.explain_grants(
    p_tenant int, p_credential bytea, p_generation int, p_asked timestamptz, p_known timestamptz, p_patient text, p_keys text[]
) RETURNS TABLE (consent text, version text, effect text, basis bigint, recipient text, purpose text, action text, programs int[], types text[],
                 codes bigint[], data_from timestamptz, data_to timestamptz, resources text[], valid_from timestamptz, valid_to timestamptz,
                 known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_asked);
    RETURN QUERY
    SELECT g.consent, (SELECT v.version FROM record.version v WHERE v.tenant = g.tenant AND v.seq = g.consent_seq), g.effect, g.basis,
           g.recipient, u.purpose, g.action, g.programs, g.types, g.codes, g.data_from, g.data_to, g.resources, g.valid_from, g.valid_to,
           g.known_from, g.known_to
    FROM record.consent_grant g CROSS JOIN LATERAL unnest(g.purposes) AS u(purpose)
    WHERE g.tenant = p_tenant AND g.patient = p_patient AND (p_keys IS NULL OR g.recipient = ANY (p_keys))
      AND g.known_from <= p_known AND p_known < g.known_to
    ORDER BY g.effect DESC, g.consent, g.recipient, g.basis, u.purpose, g.action LIMIT 2000;
END $$;

CREATE OR REPLACE FUNCTION gate.explain_relations(
    p_tenant int, p_credential bytea, p_generation int, p_asked timestamptz, p_known timestamptz, p_patient text, p_keys text[]
) RETURNS TABLE (actor text, kind text, source text, valid_from timestamptz, valid_to timestamptz, known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_asked);
    RETURN QUERY
    SELECT l.actor, l.kind, l.source, l.valid_from, l.valid_to, l.known_from, l.known_to FROM record.relation l
    WHERE l.tenant = p_tenant AND l.patient = p_patient AND (p_keys IS NULL OR l.actor = ANY (p_keys))
      AND l.known_from <= p_known AND p_known < l.known_to
    ORDER BY l.actor, l.kind, l.source LIMIT 2000;
END $$;

-- The accounts and what each acted as (one: p_account), and the rows of its role.
CREATE OR REPLACE FUNCTION gate.explain_accounts(
    p_tenant int, p_credential bytea, p_generation int, p_asked timestamptz, p_known timestamptz, p_now timestamptz, p_account text
) RETURNS TABLE (account text, generation int, kind text, name text, agent text, role text, programs int[], acting int, keys text[],
                 valid_from timestamptz, valid_to timestamptz, known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_asked);
    RETURN QUERY
    SELECT DISTINCT ON (a.account) a.account, a.generation, a.kind, a.name, a.agent, s.role, s.programs, s.acting, s.keys, s.valid_from,
           s.valid_to, s.known_from, s.known_to
    FROM record.account a JOIN record.assignment s ON s.tenant = a.tenant AND s.account = a.account
    WHERE a.tenant = p_tenant AND (p_account IS NULL OR a.account = p_account OR a.login = p_account)
      AND s.valid_from <= p_now AND p_now < s.valid_to AND s.known_from <= p_known AND p_known < s.known_to
    ORDER BY a.account, s.valid_from DESC;
END $$;

CREATE OR REPLACE FUNCTION gate.explain_role(
    p_tenant int, p_credential bytea, p_generation int, p_asked timestamptz, p_known timestamptz, p_now timestamptz, p_role text
) RETURNS TABLE (role text, types text[], actions text[], valid_from timestamptz, valid_to timestamptz, known_from timestamptz, known_to timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_asked);
    RETURN QUERY
    SELECT r.role, r.types, r.actions, r.valid_from, r.valid_to, r.known_from, r.known_to FROM record.role_rule r
    WHERE r.tenant = p_tenant AND r.role = p_role AND r.valid_from <= p_now AND p_now < r.valid_to
      AND r.known_from <= p_known AND p_known < r.known_to;
END $$;
