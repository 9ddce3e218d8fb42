-- How long what messages said is kept (0175).

-- Under which rule a message is kept.
CREATE OR REPLACE FUNCTION gate.exchange_kept_as(p_door text, p_kind text, p_test boolean) RETURNS text
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN p_test THEN 'tests' WHEN p_door = 'sftp' THEN 'files' WHEN p_door IN ('document', 'mhd') OR p_kind LIKE 'MDM^%' THEN 'documents' WHEN p_kind LIKE 'ORU^%' THEN 'results'
                WHEN p_kind LIKE 'ADT^%' THEN 'visits' WHEN p_kind LIKE 'SIU^%' THEN 'appointments' WHEN p_kind IN ('ORM^O01', 'OML^O21') THEN 'orders' WHEN p_kind LIKE 'DFT^%' THEN 'charges' ELSE 'others' END
$$;

-- Messages that were done or set aside before the day of their rule, at most so many. Never one that waits for anything: to be done, for somebody, held, failed.
CREATE OR REPLACE FUNCTION gate.exchange_old(p_tenant int, p_rules text[], p_before timestamptz[], p_most int) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.message FROM record.exchange_message m
    JOIN unnest(p_rules, p_before) AS r(rule, before) ON r.rule = gate.exchange_kept_as(m.door, m.kind, m.test)
    WHERE m.tenant = p_tenant AND m.state IN ('mapped', 'aside') AND m.destroyed IS NULL
      AND m.received < (SELECT max(b.before) FROM unnest(p_before) AS b(before)) AND m.received < r.before AND m.updated < r.before
    ORDER BY m.received LIMIT p_most
$$;

-- Destroy what some of those said; whether there were any.
CREATE OR REPLACE FUNCTION gate.exchange_destroy(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_rules text[], p_before timestamptz[], p_most int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE gone text[];
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    WITH old AS (SELECT o.message FROM gate.exchange_old(p_tenant, p_rules, p_before, p_most) AS o(message)),
    done AS (
        UPDATE record.exchange_message m SET body = '', result = NULL, choice = NULL, job = NULL, destroyed = p_now FROM old o
        WHERE m.tenant = p_tenant AND m.message = o.message AND m.state IN ('mapped', 'aside') AND m.destroyed IS NULL RETURNING m.message)
    SELECT coalesce(array_agg(d.message), '{}') INTO gone FROM done d;
    DELETE FROM record.sftp_part p WHERE p.tenant = p_tenant AND p.file = ANY (gone);
    DELETE FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.message = ANY (gone);
    INSERT INTO record.exchange_event (tenant, message, at, state) SELECT p_tenant, g.message, p_now, 'destroyed' FROM unnest(gone) AS g(message);
    RETURN cardinality(gone) > 0;
END $$;
