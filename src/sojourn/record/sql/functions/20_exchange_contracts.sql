-- Contracts of single exchanges (0173): what is owed, what closes it; and how much comes and goes.

-- What is overdue by each term: of each the oldest so many, with how many there are. A term is a partner, a direction, a kind ('' any, `door:` with a door whatever is of that), what closes it
-- (answered: something about the same order; anything else: it is done), within how many hours, and since when it was agreed.
CREATE OR REPLACE FUNCTION gate.exchange_overdue(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partners text[], p_directions text[], p_kinds text[], p_closes text[], p_hours int[], p_since timestamptz[], p_most int
) RETURNS TABLE (term int, n bigint, message text, seq bigint, partner text, door text, direction text, control text, kind text, version text, size int, state text, reason text, tries int,
                 received timestamptz, updated timestamptz, behind boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT w.i::int, o.n, o.message, o.seq, o.partner, o.door, o.direction, o.control, o.kind, o.version, o.size, o.state, o.reason, o.tries, o.received, o.updated, false
    FROM unnest(p_partners, p_directions, p_kinds, p_closes, p_hours, p_since) WITH ORDINALITY AS w(partner, direction, kind, closes, hours, since, i)
    CROSS JOIN LATERAL (
        SELECT count(*) OVER () AS n, m.* FROM (
            SELECT a.* FROM record.exchange_message a
            WHERE w.closes <> 'answered' AND a.tenant = p_tenant AND a.partner = w.partner AND a.state IN ('received', 'review', 'held', 'failed')
              AND a.received >= w.since AND a.received <= p_now - make_interval(hours => w.hours) AND a.direction = w.direction AND (w.kind = '' OR a.kind = w.kind OR 'door:' || a.door = w.kind)
            UNION ALL
            SELECT b.* FROM record.exchange_message b
            WHERE w.closes = 'answered' AND b.tenant = p_tenant AND b.partner = w.partner AND b.direction = 'out' AND b.closed IS NULL AND b.kind IN ('ORM^O01', 'OML^O21')
              AND b.received >= w.since AND b.received <= p_now - make_interval(hours => w.hours) AND (w.kind = '' OR b.kind = w.kind) AND b.state <> 'aside') m
        ORDER BY m.received, m.seq LIMIT p_most) o
    ORDER BY w.i, o.received, o.seq;
END $$;

-- Something about these was filed, or they were cancelled: what was asked is answered.
CREATE OR REPLACE FUNCTION gate.exchange_close(p_tenant int, p_now timestamptz, p_abouts bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.exchange_message m SET closed = p_now
    WHERE m.tenant = p_tenant AND m.about = ANY (p_abouts) AND m.direction = 'out' AND m.closed IS NULL AND m.kind IN ('ORM^O01', 'OML^O21')
$$;

-- How many messages came and went by hour or day (p_unit), by the clock of p_zone, in which state they are now. p_partner '': of each.
CREATE OR REPLACE FUNCTION gate.exchange_traffic(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partner text, p_from timestamptz, p_unit text, p_zone text
) RETURNS TABLE (partner text, at timestamp, direction text, state text, n bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT m.partner, date_trunc(p_unit, m.received AT TIME ZONE p_zone), m.direction, m.state, count(*) FROM record.exchange_message m
    WHERE m.tenant = p_tenant AND m.received >= p_from AND m.received <= p_now AND (p_partner = '' OR m.partner = p_partner)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
END $$;
