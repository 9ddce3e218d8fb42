-- More hot shapes: who is this (a name and a date, an identifier), and what belongs to a page.

-- Resources of one type found by what nearly names them. Every condition given must hold: tokens, texts that begin with
-- something, dates within something. p_drive says which one to begin at: `token` (the first), `date` or `string` (the first).
CREATE OR REPLACE FUNCTION gate.find(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_type text, p_drive text, p_tokens bigint[],
    p_string_keys bigint[], p_from text[], p_below text[], p_date_keys bigint[], p_low timestamptz[], p_high timestamptz[],
    p_rid bigint, p_limit int
) RETURNS TABLE (type text, id text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean,
                 blobs text[], at timestamptz, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    RETURN QUERY
    SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
    FROM (SELECT DISTINCT c.rid FROM (
            SELECT k.rid FROM record.token k WHERE p_drive = 'token' AND k.tenant = p_tenant AND k.hash = p_tokens[1]
            UNION ALL
            SELECT d.rid FROM record.date d
            WHERE p_drive = 'date' AND d.tenant = p_tenant AND d.key = p_date_keys[1] AND d.low >= p_low[1] AND d.low < p_high[1]
            UNION ALL
            SELECT s.rid FROM record.string s
            WHERE p_drive = 'string' AND s.tenant = p_tenant AND s.key = p_string_keys[1] AND s.folded >= p_from[1] AND s.folded < p_below[1]
          ) c WHERE c.rid > p_rid) found
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = p_type AND r.rid = found.rid
    LEFT JOIN LATERAL (/*standing:r*/) stands ON true
    WHERE (r.tokens @> p_tokens OR (r.labelled_tokens IS NOT NULL AND r.tokens || ARRAY(
            SELECT k.hash FROM record.token k WHERE k.tenant = p_tenant AND k.rid = r.rid AND k.hash = ANY (p_tokens)
              AND (/*part:r:k.mask*/ OR (k.also IS NOT NULL AND EXISTS (SELECT FROM unnest(k.also) AS m(mask) WHERE /*part:r:m.mask*/)))
            ) @> p_tokens))
      AND NOT EXISTS (
        SELECT FROM unnest(p_string_keys, p_from, p_below) AS c(key, low, below) WHERE NOT EXISTS (
            SELECT FROM record.string s WHERE s.tenant = p_tenant AND s.rid = r.rid AND s.key = c.key AND s.folded >= c.low
              AND s.folded < c.below AND /*part:r:s.mask*/))
      AND NOT EXISTS (
        SELECT FROM unnest(p_date_keys, p_low, p_high) AS c(key, low, high) WHERE NOT EXISTS (
            SELECT FROM record.date d WHERE d.tenant = p_tenant AND d.rid = r.rid AND d.key = c.key AND d.low >= c.low
              AND d.low < c.high AND d.high <= c.high AND /*part:r:d.mask*/))
      AND /*row:r:stands.bits*/
    ORDER BY r.rid LIMIT p_limit;
END $$;

-- What a page refers to (p_sources, p_params, p_targets: type of the page's resource, parameter, type of the target or '' for
-- any), and what refers to it (p_back_...: type that refers, parameter, type of the page's resource or ''). Rows of the page are not
-- found again. p_searched: types that the role may search; null = all.
CREATE OR REPLACE FUNCTION gate.included(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_mask bigint, p_programs int[], p_keys text[], p_purpose text,
    p_action text, p_related boolean, p_searched text[], p_rids bigint[], p_types text[], p_ids text[],
    p_sources text[], p_params text[], p_targets text[], p_back_sources text[], p_back_params text[], p_back_targets text[], p_limit int
) RETURNS TABLE (type text, id text, rid bigint, seq bigint, version text, updated timestamptz, patient text, clean boolean,
                 blobs text[], at timestamptz, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    /*alive*/
    -- One statement for each direction, and one for both: half the plan is nearly half the cost.
    IF p_back_sources = '{}' THEN
        RETURN QUERY
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
        FROM (SELECT DISTINCT e.target FROM unnest(p_rids, p_types) AS p(rid, type)
            JOIN unnest(p_sources, p_params, p_targets) AS i(source, param, target) ON i.source = p.type
            JOIN record.edge e ON e.tenant = p_tenant AND e.rid = p.rid AND e.type = p.type AND e.param = i.param
            WHERE (i.target = '' OR starts_with(e.target, i.target || '/'))
              AND (e.mask = 0 OR EXISTS (
                SELECT FROM record.resource s WHERE s.tenant = p_tenant AND s.type = p.type AND s.rid = p.rid AND /*part:s:e.mask*/))) e
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = split_part(e.target, '/', 1) AND r.id = split_part(e.target, '/', 2)
        LEFT JOIN LATERAL (/*standing:r*/) stands ON true
        WHERE r.rid <> ALL (p_rids) AND (p_searched IS NULL OR r.type = ANY (p_searched)) AND /*row:r:stands.bits*/
        ORDER BY r.rid LIMIT p_limit;
    ELSIF p_sources = '{}' THEN
        RETURN QUERY
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
        FROM (SELECT DISTINCT e.type, e.rid FROM unnest(p_types, p_ids) AS p(type, id)
            JOIN unnest(p_back_sources, p_back_params, p_back_targets) AS i(source, param, target) ON i.target = '' OR i.target = p.type
            JOIN record.edge e ON e.tenant = p_tenant AND e.target = p.type || '/' || p.id AND e.type = i.source AND e.param = i.param
            WHERE e.mask = 0 OR EXISTS (
                SELECT FROM record.resource s WHERE s.tenant = p_tenant AND s.type = e.type AND s.rid = e.rid AND /*part:s:e.mask*/)) x
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = x.type AND r.rid = x.rid
        LEFT JOIN LATERAL (/*standing:r*/) stands ON true
        WHERE x.rid <> ALL (p_rids) AND (p_searched IS NULL OR r.type = ANY (p_searched)) AND /*row:r:stands.bits*/
        ORDER BY r.rid LIMIT p_limit;
    ELSE
        RETURN QUERY
        WITH forward AS (
            SELECT DISTINCT e.target FROM unnest(p_rids, p_types) AS p(rid, type)
            JOIN unnest(p_sources, p_params, p_targets) AS i(source, param, target) ON i.source = p.type
            JOIN record.edge e ON e.tenant = p_tenant AND e.rid = p.rid AND e.type = p.type AND e.param = i.param
            WHERE (i.target = '' OR starts_with(e.target, i.target || '/'))
              AND (e.mask = 0 OR EXISTS (
                SELECT FROM record.resource s WHERE s.tenant = p_tenant AND s.type = p.type AND s.rid = p.rid AND /*part:s:e.mask*/))),
        backward AS (
            SELECT e.type, e.rid FROM unnest(p_types, p_ids) AS p(type, id)
            JOIN unnest(p_back_sources, p_back_params, p_back_targets) AS i(source, param, target) ON i.target = '' OR i.target = p.type
            JOIN record.edge e ON e.tenant = p_tenant AND e.target = p.type || '/' || p.id AND e.type = i.source AND e.param = i.param
            WHERE e.mask = 0 OR EXISTS (
                SELECT FROM record.resource s WHERE s.tenant = p_tenant AND s.type = e.type AND s.rid = e.rid AND /*part:s:e.mask*/))
        SELECT r.type, r.id, r.rid, r.seq, r.version, r.updated, r.patient, /*clean:r:stands.bits*/ AND NOT r.apart, r.blobs, r.at, /*body:r*/ AS body
        FROM (SELECT t.type, t.rid FROM forward x
              JOIN record.resource t ON t.tenant = p_tenant AND t.type = split_part(x.target, '/', 1) AND t.id = split_part(x.target, '/', 2)
              UNION SELECT b.type, b.rid FROM backward b) x
        JOIN record.resource r ON r.tenant = p_tenant AND r.type = x.type AND r.rid = x.rid
        LEFT JOIN LATERAL (/*standing:r*/) stands ON true
        WHERE x.rid <> ALL (p_rids) AND (p_searched IS NULL OR r.type = ANY (p_searched)) AND /*row:r:stands.bits*/
        ORDER BY r.rid LIMIT p_limit;
    END IF;
END $$;
