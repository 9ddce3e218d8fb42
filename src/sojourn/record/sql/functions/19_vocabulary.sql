-- Code systems and maps between them (0157). What is loaded is about nobody; who loads it is checked by the gate and by the credential.

-- Begin to load a release. What somebody began to load of the same system and did not finish is given up.
CREATE OR REPLACE FUNCTION gate.vocabulary_begin(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_system text, p_version text, p_published date, p_source text
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE made bigint;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended('vocabulary:' || p_tenant || ':' || p_system, 0));
    DELETE FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.system = p_system AND r.state = 'loading';
    INSERT INTO record.vocabulary_release (tenant, system, version, published, source, digest, state, account, at)
    VALUES (p_tenant, p_system, p_version, p_published, p_source, '', 'loading', p_account, p_now) RETURNING release INTO made;
    RETURN made;
END $$;

CREATE OR REPLACE FUNCTION gate.vocabulary_loading(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_release bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.release = p_release AND r.state = 'loading' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'somebody else loads this system' USING ERRCODE = 'SJ409';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION gate.vocabulary_concepts(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_release bigint, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.vocabulary_loading(p_tenant, p_credential, p_generation, p_now, p_release);
    INSERT INTO record.vocabulary_concept (release, code, display, active, kind, since, until, names, replaced, words)
    SELECT p_release, r.code, r.display, r.active, r.kind, r.since, r.until, r.names, r.replaced,
           to_tsvector('simple', r.code || ' ' || r.display || ' ' || array_to_string(r.names, ' '))
    FROM jsonb_to_recordset(p_rows) AS r(code text, display text, active boolean, kind text, since date, until date, names text[], replaced text[])
    ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION gate.vocabulary_edges(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_release bigint, p_parents text[], p_children text[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.vocabulary_loading(p_tenant, p_credential, p_generation, p_now, p_release);
    INSERT INTO record.vocabulary_edge (release, parent, child) SELECT p_release, e.p, e.c FROM unnest(p_parents, p_children) AS e(p, c) ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION gate.vocabulary_maps(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_release bigint, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.vocabulary_loading(p_tenant, p_credential, p_generation, p_now, p_release);
    INSERT INTO record.vocabulary_map (release, code, target_system, target, equivalence, grp, priority, rule, advice)
    SELECT p_release, r.code, r.system, r.target, r.equivalence, r."group", r.priority, r.rule, r.advice
    FROM jsonb_to_recordset(p_rows) AS r(code text, system text, target text, equivalence text, "group" int, priority int, rule text, advice text);
END $$;

-- Everything of it is there: it is in force, and the one before stays readable. Null where the very same is in force: then it is taken away. 0 where
-- there is nothing in it: then it stays as it is.
CREATE OR REPLACE FUNCTION gate.vocabulary_finish(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_release bigint, p_digest bytea) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE n int; named text;
BEGIN
    PERFORM gate.vocabulary_loading(p_tenant, p_credential, p_generation, p_now, p_release);
    SELECT r.system INTO named FROM record.vocabulary_release r WHERE r.release = p_release;
    PERFORM pg_advisory_xact_lock(hashtextextended('vocabulary:' || p_tenant || ':' || named, 0));
    SELECT count(*) INTO n FROM record.vocabulary_concept c WHERE c.release = p_release;
    IF n = 0 THEN
        RETURN 0;
    END IF;
    IF EXISTS (SELECT FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.system = named AND r.state = 'active' AND r.digest = p_digest) THEN
        DELETE FROM record.vocabulary_release r WHERE r.release = p_release;
        RETURN NULL;
    END IF;
    UPDATE record.vocabulary_release r SET state = 'retired' WHERE r.tenant = p_tenant AND r.system = named AND r.state = 'active';
    UPDATE record.vocabulary_release r SET state = 'active', concepts = n, at = p_now, digest = p_digest,
        maps = (SELECT count(*) FROM record.vocabulary_map m WHERE m.release = p_release)
    WHERE r.release = p_release;
    DELETE FROM record.vocabulary_unmapped u WHERE u.tenant = p_tenant
        AND EXISTS (SELECT FROM record.vocabulary_map m WHERE m.release = p_release AND u.system = named AND m.code = u.code AND m.target_system = u.target_system AND m.target <> '');
    RETURN n;
END $$;

-- Give up what was begun.
CREATE OR REPLACE FUNCTION gate.vocabulary_abandon(p_tenant int, p_release bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.release = p_release AND r.state = 'loading'
$$;

-- Releases that are or were in force, the newest first.
CREATE OR REPLACE FUNCTION gate.vocabulary_releases(p_tenant int)
RETURNS TABLE (release bigint, system text, version text, published date, source text, concepts int, maps int, state text, account text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.release, r.system, r.version, r.published, r.source, r.concepts, r.maps, r.state, r.account, r.at
    FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.state <> 'loading' ORDER BY r.system, r.release DESC
$$;

-- Some codes of a release, as they are there.
CREATE OR REPLACE FUNCTION gate.vocabulary_codes(p_tenant int, p_release bigint, p_codes text[])
RETURNS TABLE (code text, display text, active boolean, kind text, since date, until date, names text[], replaced text[], parents text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.code, c.display, c.active, c.kind, c.since, c.until, c.names, c.replaced,
           ARRAY(SELECT e.parent FROM record.vocabulary_edge e WHERE e.release = c.release AND e.child = c.code ORDER BY e.parent)
    FROM record.vocabulary_concept c JOIN record.vocabulary_release r ON r.release = c.release
    WHERE r.tenant = p_tenant AND r.release = p_release AND c.code = ANY (p_codes)
$$;

-- Which of some codes are under one of some others, or are themselves one of these.
CREATE OR REPLACE FUNCTION gate.vocabulary_under(p_tenant int, p_release bigint, p_codes text[], p_tops text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH RECURSIVE up(code, above) AS (
        SELECT c COLLATE "C", c COLLATE "C" FROM unnest(p_codes) AS c
        UNION
        SELECT u.code, e.parent FROM up u JOIN record.vocabulary_edge e ON e.release = p_release AND e.child = u.above
    )
    SELECT DISTINCT u.code FROM up u WHERE u.above = ANY (p_tops) AND EXISTS (SELECT FROM record.vocabulary_release r WHERE r.tenant = p_tenant AND r.release = p_release)
$$;

-- What is a kind of some codes, by the releases in force: for the rules of labels.
CREATE OR REPLACE FUNCTION gate.vocabulary_kinds(p_tenant int, p_systems text[], p_codes text[]) RETURNS TABLE (system text, top text, code text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    WITH RECURSIVE down(system, release, top, code) AS (
        SELECT r.system, r.release, t.code COLLATE "C", t.code COLLATE "C" FROM unnest(p_systems, p_codes) AS t(system, code)
        JOIN record.vocabulary_release r ON r.tenant = p_tenant AND r.system = t.system AND r.state = 'active'
        UNION
        SELECT d.system, d.release, d.top, e.child FROM down d JOIN record.vocabulary_edge e ON e.release = d.release AND e.parent = d.code
    )
    SELECT d.system, d.top, d.code FROM down d WHERE d.code <> d.top
$$;

-- Codes of a release in their order: under some codes (null: all), with words that begin so, at most so many from an offset; those that are not for use only if asked.
CREATE OR REPLACE FUNCTION gate.vocabulary_listed(
    p_tenant int, p_release bigint, p_tops text[], p_words text, p_inactive boolean, p_day date, p_offset int, p_most int
) RETURNS TABLE (code text, display text, active boolean, kind text, total bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH RECURSIVE down(code) AS (
        SELECT t COLLATE "C" FROM unnest(p_tops) AS t
        UNION
        SELECT e.child FROM down d JOIN record.vocabulary_edge e ON e.release = p_release AND e.parent = d.code
    ), fit AS (
        SELECT c.code, c.display, c.active, c.kind FROM record.vocabulary_concept c JOIN record.vocabulary_release r ON r.release = c.release
        WHERE r.tenant = p_tenant AND r.release = p_release
          AND (p_tops IS NULL OR c.code IN (SELECT d.code FROM down d))
          AND (p_words = '' OR c.words @@ p_words::tsquery)
          AND (p_inactive OR (c.active AND coalesce(c.since <= p_day, true) AND coalesce(p_day < c.until, true)))
    )
    SELECT f.code, f.display, f.active, f.kind, count(*) OVER () FROM fit f
    ORDER BY CASE WHEN p_words = '' THEN 0 ELSE length(f.display) END, f.code OFFSET p_offset LIMIT p_most
$$;

-- What some codes are in another system ('' : in any), as the releases in force and the organization itself say, also the other way round. The own ones first.
CREATE OR REPLACE FUNCTION gate.vocabulary_translated(p_tenant int, p_now timestamptz, p_system text, p_codes text[], p_target text, p_back boolean)
RETURNS TABLE (code text, own boolean, target_system text, target text, target_display text, equivalence text, grp int, priority int, rule text, advice text, source text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT o.code, true, o.target_system, o.target, o.target_display, o.equivalence, 1, 1, '', o.reason, 'own'
    FROM record.vocabulary_own o
    WHERE NOT p_back AND o.tenant = p_tenant AND o.system = p_system AND o.code = ANY (p_codes) AND (p_target = '' OR o.target_system = p_target)
      AND o.known_from <= p_now AND p_now < o.known_to
    UNION ALL
    SELECT o.target, true, o.system, o.code, o.display, o.equivalence, 1, 1, '', o.reason, 'own'
    FROM record.vocabulary_own o
    WHERE p_back AND o.tenant = p_tenant AND o.target_system = p_system AND o.target = ANY (p_codes) AND (p_target = '' OR o.system = p_target)
      AND o.known_from <= p_now AND p_now < o.known_to
    UNION ALL
    SELECT m.code, false, m.target_system, m.target, '', m.equivalence, m.grp, m.priority, m.rule, m.advice, r.source
    FROM record.vocabulary_release r JOIN record.vocabulary_map m ON m.release = r.release
    WHERE NOT p_back AND r.tenant = p_tenant AND r.state = 'active' AND r.system = p_system AND m.code = ANY (p_codes) AND (p_target = '' OR m.target_system = p_target)
    UNION ALL
    SELECT m.target, false, r.system, m.code, '', m.equivalence, m.grp, m.priority, m.rule, m.advice, r.source
    FROM record.vocabulary_release r JOIN record.vocabulary_map m ON m.release = r.release
    WHERE p_back AND r.tenant = p_tenant AND r.state = 'active' AND (p_target = '' OR r.system = p_target) AND m.target_system = p_system AND m.target = ANY (p_codes)
    ORDER BY 1, 2 DESC, 7, 8, 3, 4
$$;

-- Say from now on what a code is in another system; p_ends: no longer. Returns whether anything changed.
CREATE OR REPLACE FUNCTION gate.vocabulary_set_own(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_system text, p_code text, p_display text, p_target_system text,
    p_target text, p_target_display text, p_equivalence text, p_reason text, p_ends boolean
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended('vocabulary-own:' || p_tenant || ':' || p_system || ':' || p_code, 0));
    IF NOT p_ends AND EXISTS (
        SELECT FROM record.vocabulary_own o WHERE o.tenant = p_tenant AND o.system = p_system AND o.code = p_code AND o.target_system = p_target_system AND o.target = p_target
          AND o.known_to = 'infinity' AND o.equivalence = p_equivalence AND o.target_display = p_target_display AND o.display = p_display) THEN
        RETURN false;
    END IF;
    UPDATE record.vocabulary_own o SET known_to = p_now WHERE o.tenant = p_tenant AND o.system = p_system AND o.code = p_code AND o.target_system = p_target_system
        AND (o.target = p_target OR (NOT p_ends AND (p_target = '' OR o.target = ''))) AND o.known_to = 'infinity';
    IF p_ends THEN
        RETURN FOUND;
    END IF;
    INSERT INTO record.vocabulary_own (tenant, system, code, display, target_system, target, target_display, equivalence, account, reason, known_from)
    VALUES (p_tenant, p_system, p_code, p_display, p_target_system, p_target, p_target_display, p_equivalence, p_account, p_reason, p_now);
    DELETE FROM record.vocabulary_unmapped u WHERE u.tenant = p_tenant AND u.system = p_system AND u.code = p_code AND u.target_system = p_target_system;
    RETURN true;
END $$;

-- The organization's own maps, those in force or all that ever were.
CREATE OR REPLACE FUNCTION gate.vocabulary_owned(p_tenant int, p_now timestamptz, p_everything boolean, p_words text, p_offset int, p_most int)
RETURNS TABLE (system text, code text, display text, target_system text, target text, target_display text, equivalence text, account text, reason text,
    known_from timestamptz, known_to timestamptz, total bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT o.system, o.code, o.display, o.target_system, o.target, o.target_display, o.equivalence, o.account, o.reason, o.known_from, o.known_to, count(*) OVER ()
    FROM record.vocabulary_own o
    WHERE o.tenant = p_tenant AND (p_everything OR (o.known_from <= p_now AND p_now < o.known_to))
      AND (p_words = '' OR strpos(lower(o.code || ' ' || o.display || ' ' || o.target || ' ' || o.target_display), lower(p_words)) > 0)
    ORDER BY o.system, o.code, o.target_system, o.known_from DESC OFFSET p_offset LIMIT p_most
$$;

-- Remember that no map knows these codes of a partner; what is known already stays as it is.
CREATE OR REPLACE FUNCTION gate.vocabulary_missed(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partner text, p_systems text[], p_codes text[], p_displays text[], p_target text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    INSERT INTO record.vocabulary_unmapped (tenant, partner, system, code, display, target_system, state, since)
    SELECT p_tenant, p_partner, u.s, u.c, u.d, p_target, 'open', p_now::date FROM unnest(p_systems, p_codes, p_displays) AS u(s, c, d) ON CONFLICT DO NOTHING;
END $$;

-- The work list: codes that nobody has mapped, or that somebody set aside.
CREATE OR REPLACE FUNCTION gate.vocabulary_work(p_tenant int, p_state text, p_offset int, p_most int)
RETURNS TABLE (partner text, system text, code text, display text, target_system text, state text, reason text, account text, since date, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT u.partner, u.system, u.code, u.display, u.target_system, u.state, u.reason, u.account, u.since, count(*) OVER ()
    FROM record.vocabulary_unmapped u WHERE u.tenant = p_tenant AND u.state = p_state ORDER BY u.partner, u.system, u.code, u.target_system OFFSET p_offset LIMIT p_most
$$;

-- Set a line of the work list aside, or take it up again.
CREATE OR REPLACE FUNCTION gate.vocabulary_aside(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_partner text, p_system text, p_code text, p_target text, p_state text, p_reason text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.vocabulary_unmapped u SET state = p_state, reason = p_reason, account = p_account
    WHERE u.tenant = p_tenant AND u.partner = p_partner AND u.system = p_system AND u.code = p_code AND u.target_system = p_target;
    RETURN FOUND;
END $$;
