-- SFTP (0149): accounts and keys of partners, and the files in their boxes.

CREATE OR REPLACE FUNCTION gate.sftp_accounts(p_tenant int)
RETURNS TABLE (partner text, login text, facts text, state text, author text, reason text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.partner, a.login, a.facts, a.state, a.author, a.reason, a.known_from FROM record.sftp_account a
    WHERE a.tenant = p_tenant AND a.known_to = 'infinity' ORDER BY a.known_from, a.partner
$$;

-- Write down how a partner connects, or change it from the version that was read; false when somebody was faster, or has the login.
-- p_since: of that version, null for the first.
CREATE OR REPLACE FUNCTION gate.sftp_put_account(
    p_tenant int, p_partner text, p_login text, p_facts text, p_state text, p_since timestamptz, p_author text, p_reason text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sftp login/' || p_login, 0));
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/sftp/' || p_partner, 0));
    IF (SELECT a.known_from FROM record.sftp_account a WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity') IS DISTINCT FROM p_since
       OR EXISTS (SELECT FROM record.sftp_account a WHERE a.login = p_login AND a.known_to = 'infinity' AND (a.tenant, a.partner) <> (p_tenant, p_partner)) THEN
        RETURN false;
    END IF;
    UPDATE record.sftp_account a SET known_to = greatest(p_now, a.known_from + interval '1 microsecond')
    WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity';
    INSERT INTO record.sftp_account (tenant, partner, login, facts, state, author, reason, known_from)
    VALUES (p_tenant, p_partner, p_login, p_facts, p_state, p_author, p_reason, greatest(p_now, p_since + interval '1 microsecond'));
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION gate.sftp_keys(p_tenant int, p_partner text)
RETURNS TABLE (key text, fingerprint text, public text, name text, good_from timestamptz, good_to timestamptz, added timestamptz, author text,
               revoked timestamptz, revoker text, reason text, used timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.key, k.fingerprint, k.public, k.name, k.good_from, nullif(k.good_to, 'infinity'), k.added, coalesce(a.name, k.author), nullif(k.revoked, 'infinity'), coalesce(r.name, k.revoker), k.reason, k.used
    FROM record.sftp_key k LEFT JOIN record.account a ON a.tenant = k.tenant AND a.account = k.author LEFT JOIN record.account r ON r.tenant = k.tenant AND r.account = k.revoker
    WHERE k.tenant = p_tenant AND k.partner = p_partner ORDER BY k.revoked DESC, k.added DESC LIMIT 100
$$;

-- False where the partner has this key already.
CREATE OR REPLACE FUNCTION gate.sftp_add_key(
    p_tenant int, p_key text, p_partner text, p_fingerprint text, p_public text, p_name text, p_from timestamptz, p_to timestamptz, p_author text, p_now timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO record.sftp_key (tenant, key, partner, fingerprint, public, name, good_from, good_to, added, author)
    VALUES (p_tenant, p_key, p_partner, p_fingerprint, p_public, p_name, p_from, coalesce(p_to, 'infinity'), p_now, p_author) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.sftp_revoke_key(p_tenant int, p_partner text, p_key text, p_author text, p_reason text, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.sftp_key k SET revoked = p_now, revoker = p_author, reason = p_reason
    WHERE k.tenant = p_tenant AND k.partner = p_partner AND k.key = p_key AND k.revoked = 'infinity';
    RETURN FOUND;
END $$;

-- Who a login and a key are: of an active account of an active partner, with a key that is good now; no row for anything else.
CREATE OR REPLACE FUNCTION gate.sftp_login(p_login text, p_fingerprint text, p_now timestamptz)
RETURNS TABLE (tenant int, partner text, key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.tenant, a.partner, k.key FROM record.sftp_account a
    JOIN record.sftp_key k ON k.tenant = a.tenant AND k.partner = a.partner AND k.fingerprint = p_fingerprint AND k.revoked = 'infinity' AND k.good_from <= p_now AND p_now < k.good_to
    JOIN record.exchange_partner p ON p.tenant = a.tenant AND p.partner = a.partner AND p.known_to = 'infinity' AND p.state = 'active'
    WHERE a.login = p_login AND a.known_to = 'infinity' AND a.state = 'active'
$$;

-- Whether an errand may go on: it, its partner and the partner's boxes are active.
CREATE OR REPLACE FUNCTION gate.sftp_errand_good(p_tenant int, p_partner text, p_errand text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM record.sftp_errand e
        JOIN record.exchange_partner p ON p.tenant = e.tenant AND p.partner = e.partner AND p.known_to = 'infinity' AND p.state = 'active'
        JOIN record.sftp_account a ON a.tenant = e.tenant AND a.partner = e.partner AND a.known_to = 'infinity' AND a.state = 'active'
        WHERE e.tenant = p_tenant AND e.partner = p_partner AND e.errand = p_errand AND e.known_to = 'infinity' AND e.state = 'active')
$$;

-- Whether a session with this key may go on. What we fetch ourselves has no key, but an errand (0151), named as `errand:` and its id.
CREATE OR REPLACE FUNCTION gate.sftp_good(p_tenant int, p_partner text, p_key text, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN p_key LIKE 'errand:%' THEN gate.sftp_errand_good(p_tenant, p_partner, substr(p_key, 8)) ELSE EXISTS (
        SELECT FROM record.sftp_account a
        JOIN record.sftp_key k ON k.tenant = a.tenant AND k.partner = a.partner AND k.key = p_key AND k.revoked = 'infinity' AND k.good_from <= p_now AND p_now < k.good_to
        JOIN record.exchange_partner p ON p.tenant = a.tenant AND p.partner = a.partner AND p.known_to = 'infinity' AND p.state = 'active'
        WHERE a.tenant = p_tenant AND a.partner = p_partner AND a.known_to = 'infinity' AND a.state = 'active') END
$$;

CREATE OR REPLACE FUNCTION gate.sftp_alive(p_tenant int, p_partner text, p_key text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT gate.sftp_good(p_tenant, p_partner, p_key, p_now) THEN
        RAISE EXCEPTION 'the key is not good' USING ERRCODE = 'SJ401';
    END IF;
END $$;

-- Somebody came in with a key.
CREATE OR REPLACE FUNCTION gate.sftp_used(p_tenant int, p_partner text, p_key text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    UPDATE record.sftp_key k SET used = p_now WHERE k.tenant = p_tenant AND k.key = p_key;
END $$;

-- What a partner finds in its boxes: files that are not picked up, and receipts of those that were.
CREATE OR REPLACE FUNCTION gate.sftp_box(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_since timestamptz, p_most int)
RETURNS TABLE (file text, name bytea, state text, size bigint, parts int, message text, fresh boolean, verdict text, said bytea, told boolean, begun timestamptz, updated timestamptz, body bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    RETURN QUERY
    SELECT f.file, f.name, f.state, f.size, f.parts, f.message, f.fresh, f.verdict, f.said, f.told, f.begun, f.updated, m.body
    FROM record.sftp_file f LEFT JOIN record.exchange_message m ON m.tenant = f.tenant AND m.message = f.message
    WHERE f.tenant = p_tenant AND f.partner = p_partner AND (f.state <> 'kept' OR f.updated > p_since)
    ORDER BY f.seq DESC LIMIT p_most;
END $$;

-- Begin to write under a name, or go on (p_again) with what is there: its id and how much there is of it. A file of that name that was not
-- picked up is replaced. No row: as many files are there as may be, or what is to go on is not there.
CREATE OR REPLACE FUNCTION gate.sftp_begin(
    p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text, p_path bytea, p_name bytea, p_again boolean, p_most int
) RETURNS TABLE (file text, size bigint, parts int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/sftp/' || p_partner, 0));
    IF p_again THEN
        RETURN QUERY UPDATE record.sftp_file f SET state = 'open', updated = p_now
        WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.path = p_path AND f.state <> 'kept' RETURNING f.file, f.size, f.parts;
        IF FOUND THEN
            RETURN;
        END IF;
    ELSE
        PERFORM gate.sftp_drop(p_tenant, f.file) FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.path = p_path AND f.state <> 'kept';
    END IF;
    IF (SELECT count(*) FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.state <> 'kept') >= p_most THEN
        RETURN;
    END IF;
    INSERT INTO record.sftp_file (tenant, file, partner, path, name, state, begun, updated) VALUES (p_tenant, p_file, p_partner, p_path, p_name, 'open', p_now, p_now);
    RETURN QUERY SELECT p_file, 0::bigint, 0;
END $$;

CREATE OR REPLACE FUNCTION gate.sftp_drop(p_tenant int, p_file text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM record.sftp_part p WHERE p.tenant = p_tenant AND p.file = p_file;
    DELETE FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.file = p_file AND f.state <> 'kept';
$$;

-- One more piece of a file that is being written. written | full (more than the box may hold) | gone (replaced or removed meanwhile).
CREATE OR REPLACE FUNCTION gate.sftp_part(
    p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text, p_n int, p_size int, p_body bytea, p_quota bigint
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    IF (SELECT coalesce(sum(f.size), 0) FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.state <> 'kept') + p_size > p_quota THEN
        RETURN 'full';
    END IF;
    UPDATE record.sftp_file f SET size = f.size + p_size, parts = f.parts + 1, updated = p_now
    WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state = 'open' AND f.parts = p_n;
    IF NOT FOUND THEN
        RETURN 'gone';
    END IF;
    INSERT INTO record.sftp_part (tenant, file, n, size, body) VALUES (p_tenant, p_file, p_n, p_size, p_body);
    RETURN 'written';
END $$;

-- Pieces of a file, in their order.
CREATE OR REPLACE FUNCTION gate.sftp_parts(p_tenant int, p_file text, p_from int, p_most int)
RETURNS TABLE (n int, size int, body bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.n, p.size, p.body FROM record.sftp_part p WHERE p.tenant = p_tenant AND p.file = p_file AND p.n >= p_from ORDER BY p.n LIMIT p_most
$$;

-- A file was closed, but its name says that it is not finished; or it got another name. False when it is not there any more, or one of that name is.
CREATE OR REPLACE FUNCTION gate.sftp_whole(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    UPDATE record.sftp_file f SET state = 'whole', updated = p_now WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state = 'open';
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION gate.sftp_rename(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text, p_path bytea, p_name bytea, p_over boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/sftp/' || p_partner, 0));
    IF p_over THEN
        PERFORM gate.sftp_drop(p_tenant, f.file) FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.path = p_path AND f.state <> 'kept' AND f.file <> p_file;
    ELSIF EXISTS (SELECT FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.path = p_path AND f.state <> 'kept' AND f.file <> p_file) THEN
        RETURN false;
    END IF;
    UPDATE record.sftp_file f SET path = p_path, name = p_name, updated = p_now WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state <> 'kept';
    RETURN FOUND;
END $$;

-- A file that is whole becomes a message, in one transaction: then it is ours, once, whatever falls. The same bytes again become none.
-- p_path, p_name: its name from then on.
CREATE OR REPLACE FUNCTION gate.sftp_keep(
    p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text, p_control text, p_digest bytea, p_kind text, p_lane bytea, p_size int, p_body bytea,
    p_path bytea, p_name bytea, p_test boolean
) RETURNS TABLE (message text, fresh boolean) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE as_message text; is_fresh boolean;
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    PERFORM FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state IN ('open', 'whole') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT k.message, k.fresh INTO as_message, is_fresh
    FROM gate.exchange_keep(p_tenant, p_now, ARRAY[p_file], ARRAY[p_partner], ARRAY['sftp'], ARRAY['in'], ARRAY[p_control], ARRAY[p_digest], ARRAY[p_kind], ARRAY[''],
                            ARRAY[p_lane], ARRAY[p_size], ARRAY[p_body], ARRAY[p_test]) k;
    UPDATE record.sftp_file f SET state = 'kept', path = p_path, name = p_name, message = as_message, fresh = is_fresh, updated = p_now WHERE f.tenant = p_tenant AND f.file = p_file;
    IF NOT is_fresh THEN
        DELETE FROM record.sftp_part p WHERE p.tenant = p_tenant AND p.file = p_file;
    END IF;
    RETURN QUERY SELECT as_message, is_fresh;
END $$;

-- What the receipt of a file says.
CREATE OR REPLACE FUNCTION gate.sftp_say(p_tenant int, p_message text, p_verdict text, p_said bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.sftp_file f SET verdict = p_verdict, said = p_said WHERE f.tenant = p_tenant AND f.file = p_message AND f.message = p_message
$$;

-- Take away a file that was not picked up, or a receipt.
CREATE OR REPLACE FUNCTION gate.sftp_remove(p_tenant int, p_partner text, p_key text, p_now timestamptz, p_file text, p_receipt boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.sftp_alive(p_tenant, p_partner, p_key, p_now);
    IF p_receipt THEN
        UPDATE record.sftp_file f SET told = true WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state = 'kept';
        RETURN FOUND;
    END IF;
    PERFORM FROM record.sftp_file f WHERE f.tenant = p_tenant AND f.partner = p_partner AND f.file = p_file AND f.state <> 'kept' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM gate.sftp_drop(p_tenant, p_file);
    RETURN true;
END $$;

-- What was begun and left is dropped.
CREATE OR REPLACE FUNCTION gate.sftp_sweep(p_before timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT gate.sftp_drop(f.tenant, f.file) FROM record.sftp_file f WHERE f.state <> 'kept' AND f.updated < p_before
$$;

-- Files of a partner as those see them who look after messages: the last first.
CREATE OR REPLACE FUNCTION gate.sftp_files(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_partner text, p_most int)
RETURNS TABLE (file text, state text, size bigint, message text, fresh boolean, verdict text, told boolean, begun timestamptz, updated timestamptz, kind text, became text, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT f.file, f.state, f.size, f.message, f.fresh, f.verdict, f.told, f.begun, f.updated, coalesce(m.kind, ''), coalesce(m.state, ''), coalesce(m.reason, '')
    FROM record.sftp_file f LEFT JOIN record.exchange_message m ON m.tenant = f.tenant AND m.message = f.message
    WHERE f.tenant = p_tenant AND f.partner = p_partner ORDER BY f.seq DESC LIMIT p_most;
END $$;
