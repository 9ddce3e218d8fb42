-- Whether a partner exchanges for real (0174).

-- What of a partner a test is about: all but who they are called, what was agreed, and where and by which certificate they are reached.
-- What says nothing, or what is so where nobody says anything, is left out: a partner who was written down before a field was there has the same profile.
CREATE OR REPLACE FUNCTION gate.exchange_profile(p_facts text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE said jsonb := p_facts::jsonb; mine jsonb; out jsonb;
BEGIN
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') INTO mine FROM jsonb_each(said) f
    WHERE f.key NOT IN ('name', 'contact', 'agreed', 'basis', 'certificate', 'addresses', 'plain', 'reached', 'sending') AND f.value NOT IN ('""', '[]', '{}', 'null', 'false', '0')
      AND (f.key, f.value) NOT IN (('door', '"hl7v2"'), ('timezone', '"America/New_York"'), ('strangers', '"wait"'), ('acknowledgement', '"auto"'));
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') INTO out FROM jsonb_each(coalesce(said -> 'sending', '{}')) f
    WHERE f.key NOT IN ('host', 'port', 'tls', 'certificate', 'plain', 'timeout', 'begun', 'processing') AND f.value NOT IN ('""', '[]', '{}', 'null', 'false', '0');
    IF NOT out ? 'kinds' THEN  -- nothing goes to them
        out := '{}';
    END IF;
    RETURN encode(sha256(convert_to(mine::text || out::text, 'UTF8')), 'hex');
END $$;

-- What is missing of what was agreed: agreement, basis, or ''.
CREATE OR REPLACE FUNCTION gate.exchange_lacks(p_facts text, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE said jsonb := p_facts::jsonb; agreed jsonb := coalesce(p_facts::jsonb -> 'agreed', '{}'); today date;
BEGIN
    today := (p_now AT TIME ZONE coalesce(nullif(said ->> 'timezone', ''), 'UTC'))::date;
    IF coalesce(agreed ->> 'kind', '') = '' OR nullif(agreed ->> 'begins', '')::date > today OR nullif(agreed ->> 'ends', '')::date < today THEN
        RETURN 'agreement';
    END IF;
    IF coalesce(said ->> 'basis', '') = '' OR jsonb_array_length(coalesce(said #> '{sending,kinds}', '[]')) > 0 AND coalesce(agreed ->> 'gives', '') = '' THEN
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
    SELECT p.facts INTO current_facts FROM record.exchange_partner p WHERE p.tenant = p_tenant AND p.partner = p_partner AND p.known_to = 'infinity';
    IF NOT FOUND THEN
        RETURN 'run';
    END IF;
    IF current_facts::jsonb ->> 'door' = 'none' THEN  -- nothing goes to and fro by itself: what they get, a person sends
        RETURN '';
    END IF;
    SELECT o.way, o.facts INTO g FROM record.exchange_go o WHERE o.tenant = p_tenant AND o.partner = p_partner ORDER BY o.n DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN 'run';
    END IF;
    IF g.way = 'no' THEN
        RETURN 'no';
    END IF;
    IF g.facts <> current_facts AND gate.exchange_profile(g.facts) <> gate.exchange_profile(current_facts) THEN
        RETURN 'profile';
    END IF;
    RETURN CASE WHEN g.way = 'before' THEN '' ELSE gate.exchange_lacks(current_facts, p_now) END;
END $$;
