-- Whether a partner exchanges for real (0174).

-- Whether CDS services of a partner are asked.
CREATE OR REPLACE FUNCTION gate.exchange_calls(p_facts text) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT jsonb_array_length(coalesce(p_facts::jsonb #> '{calls,services}', '[]')) > 0
$$;

-- What of a partner a test is about: all but who they are called, what was agreed, and where and by which certificate they are reached.
-- What says nothing, or what is so where nobody says anything, is left out: a partner who was written down before a field was there has the same profile.
CREATE OR REPLACE FUNCTION gate.exchange_profile(p_facts text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE said jsonb := p_facts::jsonb; mine jsonb; out jsonb; calls jsonb;
BEGIN
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') INTO mine FROM jsonb_each(said) f
    WHERE f.key NOT IN ('name', 'contact', 'agreed', 'basis', 'certificate', 'addresses', 'plain', 'reached', 'sending', 'calls') AND f.value NOT IN ('""', '[]', '{}', 'null', 'false', '0')
      AND (f.key, f.value) NOT IN (('door', '"hl7v2"'), ('timezone', '"America/New_York"'), ('strangers', '"wait"'), ('acknowledgement', '"auto"'));
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') INTO out FROM jsonb_each(coalesce(said -> 'sending', '{}')) f
    WHERE f.key NOT IN ('host', 'port', 'tls', 'certificate', 'plain', 'timeout', 'begun', 'processing') AND f.value NOT IN ('""', '[]', '{}', 'null', 'false', '0');
    IF NOT out ? 'kinds' THEN  -- nothing goes to them
        out := '{}';
    END IF;
    -- Which CDS services are asked, where, for what and as whom; not when it was looked what else they offer.
    IF gate.exchange_calls(p_facts) THEN
        calls := said -> 'calls';
        SELECT mine || jsonb_build_object('calls', jsonb_build_object('discovery', calls -> 'discovery', 'issuer', calls -> 'issuer', 'purpose', calls -> 'purpose',
                   'asked', jsonb_agg(k.value - 'title' - 'description' ORDER BY k.value ->> 'hook', k.value ->> 'id'))) INTO mine
        FROM jsonb_array_elements(calls -> 'known') k WHERE calls -> 'services' ? (k.value ->> 'id');
    END IF;
    RETURN encode(sha256(convert_to(mine::text || out::text, 'UTF8')), 'hex');
END $$;

-- What of a registered service a test is about: whose it is, as what it works, and the most that it may ask for. Its keys are not: whoever changes them is approved anew.
CREATE OR REPLACE FUNCTION gate.app_profile(p_tenant int, p_app text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT jsonb_build_object('app', jsonb_build_object('whose', f.said -> 'whose', 'organization', f.said -> 'organization', 'role', f.said -> 'role',
                                                        'programs', f.said -> 'programs', 'scopes', f.said -> 'scopes'))
    FROM (SELECT a.facts::jsonb AS said FROM record.app a WHERE a.tenant = p_tenant AND a.app = p_app AND a.known_to = 'infinity') f
$$;

-- A partner as it is tested: with their service (`client`), where they come by the API.
CREATE OR REPLACE FUNCTION gate.exchange_facts(p_tenant int, p_partner text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN coalesce(p.facts::jsonb ->> 'client', '') = '' THEN p.facts
                ELSE (p.facts::jsonb || coalesce(gate.app_profile(p_tenant, p.facts::jsonb ->> 'client'), '{}'))::text END
    FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.partner = p_partner AND p.known_to = 'infinity'
$$;

-- Whether it was decided last of a service that it gets nothing real, whichever partner it was of then: it stays so until it is decided anew.
CREATE OR REPLACE FUNCTION gate.app_refused(p_tenant int, p_app text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT g.way = 'no' FROM record.exchange_go g
                     WHERE g.tenant = p_tenant AND (g.partner = p_app OR g.facts::jsonb ->> 'client' = p_app) ORDER BY g.n DESC LIMIT 1), false)
$$;

-- '' for a service that was live before there was a bench for it, as long as it is what it was; else no, profile, or run.
CREATE OR REPLACE FUNCTION gate.app_before(p_tenant int, p_app text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN gate.app_refused(p_tenant, p_app) THEN 'no' ELSE coalesce((SELECT CASE WHEN g.facts::jsonb = gate.app_profile(p_tenant, p_app) THEN '' ELSE 'profile' END FROM record.exchange_go g
                     WHERE g.tenant = p_tenant AND g.partner = p_app AND g.way = 'before' ORDER BY g.n DESC LIMIT 1), 'run') END
$$;

-- Whether what was agreed is in force, by their clock.
CREATE OR REPLACE FUNCTION gate.exchange_in_force(p_facts text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE said jsonb := p_facts::jsonb; agreed jsonb := coalesce(p_facts::jsonb -> 'agreed', '{}'); today date;
BEGIN
    today := (p_now AT TIME ZONE coalesce(nullif(said ->> 'timezone', ''), 'UTC'))::date;
    RETURN coalesce(agreed ->> 'kind', '') <> '' AND coalesce(nullif(agreed ->> 'begins', '')::date <= today, true) AND coalesce(nullif(agreed ->> 'ends', '')::date >= today, true);
END $$;

-- What is missing of what was agreed: agreement, basis, or ''.
CREATE OR REPLACE FUNCTION gate.exchange_lacks(p_facts text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE said jsonb := p_facts::jsonb; agreed jsonb := coalesce(p_facts::jsonb -> 'agreed', '{}');
BEGIN
    IF NOT gate.exchange_in_force(p_facts, p_now) THEN
        RETURN 'agreement';
    END IF;
    IF coalesce(said ->> 'basis', '') = ''
       OR (jsonb_array_length(coalesce(said #> '{sending,kinds}', '[]')) > 0 OR said ->> 'door' = 'fhir' OR gate.exchange_calls(p_facts)) AND coalesce(agreed ->> 'gives', '') = '' THEN
        RETURN 'basis';
    END IF;
    RETURN '';
END $$;

-- '' where a partner exchanges for real now; else why not: run (none was passed and signed), profile (it was changed since), no (it was decided so),
-- agreement, basis.
CREATE OR REPLACE FUNCTION gate.exchange_cleared(p_tenant int, p_partner text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE g record; current_facts text;
BEGIN
    current_facts := gate.exchange_facts(p_tenant, p_partner);
    IF current_facts IS NULL THEN
        RETURN 'run';
    END IF;
    IF current_facts::jsonb ->> 'door' IN ('none', 'cds') AND NOT gate.exchange_calls(current_facts) THEN  -- nothing goes to and fro by itself: a person sends it
        RETURN '';
    END IF;
    SELECT o.way, o.facts INTO g FROM record.exchange_go o WHERE o.tenant = p_tenant AND o.partner = p_partner ORDER BY o.n DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN CASE WHEN current_facts::jsonb ->> 'door' = 'fhir' THEN gate.app_before(p_tenant, current_facts::jsonb ->> 'client') ELSE 'run' END;
    END IF;
    IF g.way = 'no' THEN
        RETURN 'no';
    END IF;
    IF g.facts <> current_facts AND gate.exchange_profile(g.facts) <> gate.exchange_profile(current_facts) THEN
        RETURN 'profile';
    END IF;
    RETURN CASE WHEN g.way = 'before' THEN '' ELSE gate.exchange_lacks(current_facts, p_now) END;
END $$;

-- Whether a partner of documents is more than an address for paper: something is exchanged with them by a system, or an agreement was entered. A practice that is reached by
-- fax and post alone has neither, and needs none to be told of a patient whom it treats (45 CFR 164.506(c)).
CREATE OR REPLACE FUNCTION gate.exchange_by_system(p_facts text) RETURNS boolean
LANGUAGE sql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f ->> 'door' IS DISTINCT FROM 'none' OR coalesce(f #>> '{agreed,kind}', '') <> '' OR coalesce((f #>> '{fhir,on}')::boolean, false)
           OR EXISTS (SELECT FROM jsonb_array_elements(coalesce(f #> '{reached,ways}', '[]')) w WHERE w ->> 'door' IN ('direct', 'mhd', 'sftp'))
    FROM (SELECT p_facts::jsonb AS f) s
$$;

-- Why documents do not go to a partner now (p_what out), letters of theirs are not looked at (in), or they are not asked (ask): no (it was decided so), agreement, basis; '' where they
-- do. A test is not asked for: docs/decisions/0077, 0103. Whoever exchanged before there was a bench is asked, too: a document waits for somebody who is there, and hurts nobody.
CREATE OR REPLACE FUNCTION gate.exchange_documents(p_tenant int, p_partner text, p_now timestamptz, p_what text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE facts text; said jsonb;
BEGIN
    SELECT p.facts INTO facts FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.partner = p_partner AND p.known_to = 'infinity';
    IF facts IS NULL THEN
        RETURN 'agreement';
    END IF;
    IF (SELECT o.way FROM record.exchange_go o WHERE o.tenant = p_tenant AND o.partner = p_partner ORDER BY o.n DESC LIMIT 1) = 'no' THEN
        RETURN 'no';
    END IF;
    IF p_what = 'out' AND NOT gate.exchange_by_system(facts) THEN
        RETURN '';
    END IF;
    IF NOT gate.exchange_in_force(facts, p_now) THEN
        RETURN 'agreement';
    END IF;
    said := facts::jsonb;
    RETURN CASE WHEN p_what <> 'in' AND coalesce(said #>> '{agreed,gives}', '') = '' OR p_what <> 'out' AND coalesce(said ->> 'basis', '') = '' THEN 'basis' ELSE '' END;
END $$;

-- Why what comes by a door is held: '' where it is not. Documents that a partner brings, and letters, come under an agreement and a basis; what their system sends, under a test, too.
CREATE OR REPLACE FUNCTION gate.exchange_takes(p_tenant int, p_partner text, p_door text, p_now timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN p_door IN ('hl7v2', 'sftp', 'messaging') THEN gate.exchange_cleared(p_tenant, p_partner, p_now)
                WHEN p_door = 'mhd' THEN coalesce(nullif(gate.exchange_cleared(p_tenant, p_partner, p_now), ''), gate.exchange_documents(p_tenant, p_partner, p_now, 'in'))
                WHEN p_door = 'direct' THEN gate.exchange_documents(p_tenant, p_partner, p_now, 'in') ELSE '' END
$$;

-- The same of every partner, for documents that go to them, and asking.
CREATE OR REPLACE FUNCTION gate.exchange_documents_all(p_tenant int, p_now timestamptz) RETURNS TABLE (partner text, goes text, letters text, asks text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.partner, gate.exchange_documents(p_tenant, p.partner, p_now, 'out'), gate.exchange_documents(p_tenant, p.partner, p_now, 'in'), gate.exchange_documents(p_tenant, p.partner, p_now, 'ask')
    FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.known_to = 'infinity'
$$;

-- The same of a registered service: '' where it gets what is real; stopped where its partner was. Ours needs no test unless it is a partner's; an outside organization's does.
CREATE OR REPLACE FUNCTION gate.app_cleared(p_tenant int, p_app text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE p record;
BEGIN
    SELECT x.partner, x.state INTO p FROM record.exchange_partner x
    WHERE x.tenant = p_tenant AND x.known_to = 'infinity' AND x.facts::jsonb ->> 'door' = 'fhir' AND x.facts::jsonb ->> 'client' = p_app ORDER BY x.partner LIMIT 1;
    IF FOUND THEN
        RETURN CASE WHEN p.state = 'active' THEN gate.exchange_cleared(p_tenant, p.partner, p_now) ELSE 'stopped' END;
    END IF;
    IF gate.app_profile(p_tenant, p_app) #>> '{app,whose}' = 'outside' THEN
        RETURN gate.app_before(p_tenant, p_app);
    END IF;
    RETURN CASE WHEN gate.app_refused(p_tenant, p_app) THEN 'no' ELSE '' END;
END $$;

-- Whether what a credential is for waits, because it is a service's that gets nothing real now. A person's app is no partner, and a test bench has nothing real.
CREATE OR REPLACE FUNCTION gate.app_waits(p_tenant int, p_credential bytea, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT gate.app_cleared(p_tenant, c.app, p_now) <> '' FROM record.credential c
                     WHERE c.tenant = p_tenant AND c.credential = p_credential AND c.app IS NOT NULL AND c.grant_id IS NULL
                       AND NOT EXISTS (SELECT FROM record.tenant t WHERE t.tenant = p_tenant AND t.bench_of IS NOT NULL)), false)
$$;
