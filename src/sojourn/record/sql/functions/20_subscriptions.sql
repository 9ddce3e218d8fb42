-- Subscriptions (0158): begun by a caller, told by whoever is free, each notification decided under a credential of its own.

-- Begin one, or begin it anew with other facts. The credential is of the same account, app and scopes, and ends with it. False: the account has as many as it may, or another account began it.
CREATE OR REPLACE FUNCTION gate.subscription_begin(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_subscription text, p_work bytea, p_facts text, p_types text[], p_expires timestamptz, p_most int
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE mine record.credential; ends timestamptz;
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    SELECT * INTO mine FROM record.credential c WHERE c.credential = p_credential;
    -- Never beyond the permission that it is begun under.
    ends := least(p_expires, (SELECT g.expires FROM record.app_grant g WHERE g.tenant = p_tenant AND g.grant_id = mine.grant_id));
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/subscription/' || mine.account, 0));
    IF (SELECT count(*) FROM record.subscription s WHERE s.tenant = p_tenant AND s.account = mine.account AND s.state <> 'off' AND s.subscription <> p_subscription) >= p_most THEN
        RETURN false;
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, scopes, patient, app, grant_id)
    VALUES (p_tenant, p_work, mine.account, 'token', mine.door, mine.purpose, p_now, ends, ends, mine.scopes, mine.patient, mine.app, mine.grant_id);
    INSERT INTO record.subscription AS s (tenant, subscription, account, credential, facts, types, state, due, begun, expires)
    VALUES (p_tenant, p_subscription, mine.account, p_work, p_facts, p_types, 'requested', p_now, p_now, ends)
    ON CONFLICT (tenant, subscription) DO UPDATE SET account = excluded.account, credential = excluded.credential, facts = excluded.facts, types = excluded.types, state = 'requested', reason = '',
        tries = 0, due = excluded.due, heartbeat = 'infinity', leaving = '', expires = excluded.expires
        WHERE s.account = excluded.account;  -- nobody sends another's elsewhere
    RETURN FOUND;
END $$;

-- How some stand.
CREATE OR REPLACE FUNCTION gate.subscriptions(p_tenant int, p_ids text[])
RETURNS TABLE (subscription text, account text, credential bytea, facts text, state text, reason text, number bigint, refused boolean, tries int, begun timestamptz, expires timestamptz, leaving text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.subscription, s.account, s.credential, s.facts, s.state, s.reason, s.number, s.refused, s.tries, s.begun, s.expires, s.leaving
    FROM record.subscription s WHERE s.tenant = p_tenant AND s.subscription = ANY (p_ids)
$$;

-- What changed, for everyone who may mean it. Called by the follower of the feed, in its transaction.
CREATE OR REPLACE FUNCTION gate.subscription_offer(p_tenant int, p_ns bigint[], p_kinds text[], p_types text[], p_ids text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO record.subscription_waiting (tenant, subscription, n, kind, type, id)
    SELECT p_tenant, s.subscription, c.n, c.kind, c.type, c.id
    FROM unnest(p_ns, p_kinds, p_types, p_ids) AS c(n, kind, type, id)
    JOIN record.subscription s ON s.tenant = p_tenant AND s.state IN ('active', 'error') AND c.type = ANY (s.types)
    ON CONFLICT DO NOTHING
$$;

-- One that has something to tell, for nobody else until the lease ends. Not more than p_most of one account at a time: whose receivers all take
-- their time keeps nobody else waiting. (Two who ask at the same moment may go over it by one.)
CREATE OR REPLACE FUNCTION gate.subscription_claim(p_now timestamptz, p_runner text, p_lease timestamptz, p_most int)
RETURNS TABLE (tenant int, subscription text, credential bytea, facts text, state text, number bigint, refused boolean, tries int, heartbeat timestamptz, expires timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.subscription s SET runner = p_runner, lease = p_lease
    FROM (SELECT x.tenant, x.subscription FROM record.subscription x
          WHERE x.lease <= p_now AND (
            (x.state = 'requested' AND x.due <= p_now)
            OR (x.state = 'active' AND (x.expires <= p_now OR x.heartbeat <= p_now OR (x.due <= p_now AND (
                EXISTS (SELECT FROM record.subscription_waiting w WHERE w.tenant = x.tenant AND w.subscription = x.subscription)
                OR EXISTS (SELECT FROM record.subscription_event e WHERE e.tenant = x.tenant AND e.subscription = x.subscription AND NOT e.sent))))))
            AND NOT gate.app_waits(x.tenant, x.credential, p_now)
            AND (SELECT count(*) FROM record.subscription o WHERE o.tenant = x.tenant AND o.account = x.account AND o.lease > p_now) < p_most
          ORDER BY x.due LIMIT 1 FOR UPDATE SKIP LOCKED) next
    WHERE s.tenant = next.tenant AND s.subscription = next.subscription
    RETURNING s.tenant, s.subscription, s.credential, s.facts, s.state, s.number, s.refused, s.tries, s.heartbeat, s.expires
$$;

-- The next changes that wait.
CREATE OR REPLACE FUNCTION gate.subscription_take(p_tenant int, p_subscription text, p_most int)
RETURNS TABLE (n bigint, kind text, type text, id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT w.n, w.kind, w.type, w.id FROM record.subscription_waiting w WHERE w.tenant = p_tenant AND w.subscription = p_subscription ORDER BY w.n LIMIT p_most
$$;

-- These changes were decided: what may be told gets the next numbers, the rest is forgotten without a trace. Null where it is no longer this runner's.
CREATE OR REPLACE FUNCTION gate.subscription_decided(
    p_tenant int, p_subscription text, p_runner text, p_now timestamptz, p_ns bigint[], p_kinds text[], p_types text[], p_ids text[], p_versions text[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE last bigint;
BEGIN
    SELECT s.number INTO last FROM record.subscription s WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND s.runner = p_runner AND s.state = 'active' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM record.subscription_waiting w WHERE w.tenant = p_tenant AND w.subscription = p_subscription AND w.n = ANY (p_ns);
    INSERT INTO record.subscription_event (tenant, subscription, number, kind, type, id, version, at)
    SELECT p_tenant, p_subscription, last + c.o, c.kind, c.type, c.id, c.version, p_now FROM unnest(p_kinds, p_types, p_ids, p_versions) WITH ORDINALITY AS c(kind, type, id, version, o);
    UPDATE record.subscription s SET number = last + cardinality(p_ids), refused = true WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND cardinality(p_ids) > 0;
    RETURN last;
END $$;

-- What is being told, and what was told of numbers from one to another.
CREATE OR REPLACE FUNCTION gate.subscription_events(p_tenant int, p_subscription text, p_from bigint, p_to bigint, p_sent boolean, p_most int)
RETURNS TABLE (number bigint, kind text, type text, id text, at timestamptz) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT e.number, e.kind, e.type, e.id, e.at FROM record.subscription_event e
    WHERE e.tenant = p_tenant AND e.subscription = p_subscription AND e.sent = p_sent AND e.number BETWEEN p_from AND p_to ORDER BY e.number LIMIT p_most
$$;

-- Which versions of some resources were told, or are being told: none is told twice, and only of what was told is a deletion told.
CREATE OR REPLACE FUNCTION gate.subscription_told(p_tenant int, p_subscription text, p_types text[], p_ids text[]) RETURNS TABLE (type text, id text, version text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT DISTINCT e.type, e.id, e.version FROM unnest(p_types, p_ids) AS c(type, id)
    JOIN record.subscription_event e ON e.tenant = p_tenant AND e.subscription = p_subscription AND e.type = c.type AND e.id = c.id
$$;

-- Of what is being told, these may no longer be. The receiver certainly does not have them, so that the numbers close up.
CREATE OR REPLACE FUNCTION gate.subscription_withdraw(p_tenant int, p_subscription text, p_runner text, p_numbers bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE lowest bigint; kept int; kinds text[]; types text[]; ids text[]; versions text[]; times timestamptz[];
BEGIN
    PERFORM FROM record.subscription s WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND s.runner = p_runner AND s.refused FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT min(e.number), array_agg(e.kind ORDER BY e.number) FILTER (WHERE keep), array_agg(e.type ORDER BY e.number) FILTER (WHERE keep), array_agg(e.id ORDER BY e.number) FILTER (WHERE keep),
           array_agg(e.version ORDER BY e.number) FILTER (WHERE keep), array_agg(e.at ORDER BY e.number) FILTER (WHERE keep)
    INTO lowest, kinds, types, ids, versions, times
    FROM (SELECT x.*, x.number <> ALL (p_numbers) AS keep FROM record.subscription_event x WHERE x.tenant = p_tenant AND x.subscription = p_subscription AND NOT x.sent) e;
    DELETE FROM record.subscription_event e WHERE e.tenant = p_tenant AND e.subscription = p_subscription AND NOT e.sent;
    INSERT INTO record.subscription_event (tenant, subscription, number, kind, type, id, version, at)
    SELECT p_tenant, p_subscription, lowest + k.o - 1, k.kind, k.type, k.id, k.version, k.at
    FROM unnest(kinds, types, ids, versions, times) WITH ORDINALITY AS k(kind, type, id, version, at, o);
    GET DIAGNOSTICS kept = ROW_COUNT;
    UPDATE record.subscription s SET number = lowest + kept - 1 WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND lowest IS NOT NULL;
END $$;

-- From here on the receiver may have it, whatever becomes of us. False where it is no longer this runner's. p_leaving: what was written down of it.
CREATE OR REPLACE FUNCTION gate.subscription_sending(p_tenant int, p_subscription text, p_runner text, p_lease timestamptz, p_leaving text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.subscription s SET refused = false, lease = p_lease, leaving = p_leaving WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND s.runner = p_runner;
    RETURN FOUND;
END $$;

-- What came of it: whether what was being told is told, how it stands, when there is more to do.
CREATE OR REPLACE FUNCTION gate.subscription_settle(
    p_tenant int, p_subscription text, p_runner text, p_told boolean, p_refused boolean, p_state text, p_reason text, p_tries int, p_due timestamptz, p_heartbeat timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE record.subscription s SET state = p_state, reason = p_reason, refused = p_refused, tries = p_tries, due = p_due, heartbeat = p_heartbeat, lease = '-infinity', runner = ''
    WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND s.runner = p_runner AND s.state <> 'off';
    IF FOUND AND p_told THEN
        UPDATE record.subscription_event e SET sent = true WHERE e.tenant = p_tenant AND e.subscription = p_subscription AND NOT e.sent;
    END IF;
END $$;

-- End some: nothing more is told, and what waited is forgotten.
CREATE OR REPLACE FUNCTION gate.subscription_end(p_tenant int, p_subscription text, p_reason text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH ended AS (
        UPDATE record.subscription s SET state = 'off', reason = p_reason, lease = '-infinity' WHERE s.tenant = p_tenant AND s.subscription = p_subscription RETURNING s.credential
    ), revoked AS (
        UPDATE record.credential c SET revoked = least(c.revoked, now()) FROM ended e WHERE c.credential = e.credential
    )
    DELETE FROM record.subscription_waiting w WHERE w.tenant = p_tenant AND w.subscription = p_subscription
$$;

-- Forget what was told long ago, and what waits for those who have been in error for a week: they end.
CREATE OR REPLACE FUNCTION gate.subscription_sweep(p_before timestamptz, p_error timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM record.subscription_event e WHERE e.sent AND e.at < p_before;
    UPDATE record.subscription s SET state = 'off', reason = 'It was in error for a week.' WHERE s.state = 'error' AND s.due < p_error;
    DELETE FROM record.subscription_waiting w USING record.subscription s WHERE s.tenant = w.tenant AND s.subscription = w.subscription AND s.state = 'off';
END $$;

-- What was being told counts as told: the receiver may have it, and it may not be told again.
CREATE OR REPLACE FUNCTION gate.subscription_told_all(p_tenant int, p_subscription text, p_runner text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE record.subscription_event e SET sent = true FROM record.subscription s
    WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND s.runner = p_runner AND e.tenant = p_tenant AND e.subscription = p_subscription AND NOT e.sent
$$;

-- All that have not ended, for whoever operates: those that do not work first.
CREATE OR REPLACE FUNCTION gate.subscriptions_listed(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_most int)
RETURNS TABLE (subscription text, name text, facts text, state text, reason text, tries int, due timestamptz, begun timestamptz, expires timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    RETURN QUERY
    SELECT s.subscription, coalesce(a.name, s.account), s.facts, s.state, s.reason, s.tries, s.due, s.begun, s.expires
    FROM record.subscription s LEFT JOIN record.account a ON a.tenant = s.tenant AND a.account = s.account
    WHERE s.tenant = p_tenant AND s.state <> 'off' ORDER BY s.state = 'error' DESC, s.tries DESC, s.begun DESC, s.subscription LIMIT p_most;
END $$;

-- Try one at once that does not work. One in error is asked first whether it is there, as when it was begun. False where it works or has ended.
CREATE OR REPLACE FUNCTION gate.subscription_again(p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_subscription text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    UPDATE record.subscription s SET state = CASE s.state WHEN 'error' THEN 'requested' ELSE s.state END, tries = 0, due = p_now, reason = ''
    WHERE s.tenant = p_tenant AND s.subscription = p_subscription AND (s.state = 'error' OR (s.state IN ('requested', 'active') AND s.tries > 0)) AND s.lease <= p_now;
    RETURN FOUND;
END $$;
