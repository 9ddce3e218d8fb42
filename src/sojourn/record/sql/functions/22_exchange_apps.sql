-- The test bench of those who come by the API (0209): an organization of made-up people, as whom a service works there, and what it did.

-- The test bench of an organization, made where it is not there yet, with programs and roles as they are now; its number.
CREATE OR REPLACE FUNCTION gate.bench_open(p_tenant int, p_secret bytea, p_now timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE bench int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant || '/bench', 0));
    SELECT t.tenant INTO bench FROM record.tenant t WHERE t.bench_of = p_tenant;
    IF NOT FOUND THEN
        bench := p_tenant + 1000000;
        INSERT INTO record.tenant (tenant, key, name, organization, secret, bench_of)
        SELECT bench, t.key || '-bench', t.name, t.organization, p_secret, p_tenant FROM record.tenant t WHERE t.tenant = p_tenant AND t.bench_of IS NULL;
    END IF;
    IF gate.rules_stamp(p_tenant, p_now) = gate.rules_stamp(bench, p_now) THEN
        RETURN bench;
    END IF;
    UPDATE record.program p SET known_to = p_now WHERE p.tenant = bench AND p.known_to = 'infinity';
    INSERT INTO record.program (tenant, program, key, name, organization, part2, known_from)
    SELECT bench, p.program, p.key, p.name, p.organization, p.part2, p_now FROM gate.programs(p_tenant, p_now) p
    ON CONFLICT (tenant, program, valid_from, known_from) DO UPDATE SET known_to = 'infinity';
    UPDATE record.role_rule r SET known_to = p_now WHERE r.tenant = bench AND r.known_to = 'infinity';
    INSERT INTO record.role_rule (tenant, role, types, actions, known_from) SELECT bench, r.role, r.types, r.actions, p_now FROM gate.rules(p_tenant, p_now) r;
    UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = bench;
    RETURN bench;
END $$;

-- Give a service a token: real, or of the test bench while its partner exchanges nothing for real. test: what it is for; else why there is none:
-- stopped, or untested (no run was begun with its partner yet).
CREATE OR REPLACE FUNCTION gate.issue_to_service(
    p_tenant int, p_credential bytea, p_app text, p_account text, p_door text, p_purpose text, p_scopes text, p_now timestamptz, p_expires timestamptz
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE why text; bench int;
BEGIN
    PERFORM FROM record.app a WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity' AND a.state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RETURN 'stopped';
    END IF;
    why := gate.app_cleared(p_tenant, p_app, p_now);
    IF why IN ('', 'stopped') THEN
        RETURN CASE WHEN why = '' AND gate.issue_to_app(p_tenant, p_credential, p_app, NULL, p_account, p_door, p_purpose, p_scopes, NULL, p_now, p_expires, NULL, NULL) THEN 'real' ELSE 'stopped' END;
    END IF;
    SELECT t.tenant INTO bench FROM record.tenant t WHERE t.bench_of = p_tenant;
    IF NOT FOUND OR NOT EXISTS (
        SELECT FROM record.exchange_partner x JOIN record.exchange_run r ON r.tenant = x.tenant AND r.partner = x.partner
        WHERE x.tenant = p_tenant AND x.known_to = 'infinity' AND x.facts::jsonb ->> 'client' = p_app) THEN
        RETURN 'untested';
    END IF;
    IF gate.account_state(p_tenant, p_account, p_now) <> 'active' OR NOT gate.bench_account(p_tenant, bench, p_account, p_now) THEN
        RETURN 'stopped';
    END IF;
    INSERT INTO record.credential (tenant, credential, account, kind, door, purpose, created, expires, ends, scopes, app)
    VALUES (bench, p_credential, p_account, 'token', p_door, p_purpose, p_now, p_expires, p_expires, p_scopes, p_app);
    RETURN 'test';
END $$;

-- How a service stands: '' where it gets what is real, else why not; and the partner who comes by it, or ''.
CREATE OR REPLACE FUNCTION gate.app_stands(p_tenant int, p_app text, p_now timestamptz) RETURNS TABLE (why text, partner text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT gate.app_cleared(p_tenant, p_app, p_now),
           coalesce((SELECT x.partner FROM record.exchange_partner x WHERE x.tenant = p_tenant AND x.known_to = 'infinity'
                     AND x.facts::jsonb ->> 'door' = 'fhir' AND x.facts::jsonb ->> 'client' = p_app ORDER BY x.partner LIMIT 1), '')
$$;

-- The account of a service as it is, on the test bench too.
CREATE OR REPLACE FUNCTION gate.bench_account(p_tenant int, p_bench int, p_account text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE s record;
BEGIN
    SELECT x.role, x.programs, x.acting, x.keys INTO s FROM record.assignment x
    WHERE x.tenant = p_tenant AND x.account = p_account AND x.valid_from <= p_now AND p_now < x.valid_to AND x.known_to = 'infinity' ORDER BY x.valid_from DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO record.account (tenant, account, kind, login, name, agent) SELECT p_bench, a.account, a.kind, a.login, a.name, a.agent FROM record.account a
    WHERE a.tenant = p_tenant AND a.account = p_account ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM record.assignment x WHERE x.tenant = p_bench AND x.account = p_account AND x.known_to = 'infinity'
                   AND (x.role, x.programs, x.keys) = (s.role, s.programs, s.keys) AND x.acting IS NOT DISTINCT FROM s.acting) THEN
        UPDATE record.assignment x SET known_to = p_now WHERE x.tenant = p_bench AND x.account = p_account AND x.known_to = 'infinity';
        INSERT INTO record.assignment (tenant, account, role, programs, acting, keys, known_from) VALUES (p_bench, p_account, s.role, s.programs, s.acting, s.keys, p_now);
        UPDATE record.account a SET generation = a.generation + 1 WHERE a.tenant = p_bench AND a.account = p_account;
    END IF;
    RETURN true;
END $$;

-- What a service did on the test bench since a moment: token (it proved who it is), what its trail says (read, search, export, of which type),
-- subscribed (and what became of it), told (what it took of that).
CREATE OR REPLACE FUNCTION gate.bench_seen(p_tenant int, p_app text, p_account text, p_since timestamptz) RETURNS TABLE (what text, type text, said text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH bench AS (SELECT t.tenant FROM record.tenant t WHERE t.bench_of = p_tenant)
    SELECT 'token', '', '', max(c.created) FROM bench b JOIN record.credential c ON c.tenant = b.tenant AND c.app = p_app AND c.created >= p_since HAVING count(*) > 0
    UNION ALL
    SELECT a.action, a.type, '', max(a.recorded) FROM bench b JOIN record.audit a ON a.tenant = b.tenant AND a.recorded >= p_since
    WHERE a.account = p_account AND a.outcome = 'done' AND a.action IN ('read', 'search', 'export', 'message') GROUP BY a.action, a.type
    UNION ALL
    SELECT 'subscribed', s.state, s.reason, s.begun FROM bench b JOIN record.subscription s ON s.tenant = b.tenant AND s.account = p_account AND s.begun >= p_since
    UNION ALL
    SELECT 'told', e.type, '', max(e.at) FROM bench b JOIN record.subscription s ON s.tenant = b.tenant AND s.account = p_account AND s.begun >= p_since
    JOIN record.subscription_event e ON e.tenant = s.tenant AND e.subscription = s.subscription AND e.sent GROUP BY e.type
    ORDER BY 4, 1, 2
$$;
