-- Tables that an organization loads for care (0065).

-- The one in force; without its content where the caller has that already.
CREATE OR REPLACE FUNCTION gate.care_table(p_tenant int, p_now timestamptz, p_name text, p_known bigint)
RETURNS TABLE (n bigint, content text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.n, CASE WHEN t.n = p_known THEN NULL ELSE t.content END FROM record.care_table t
    WHERE t.tenant = p_tenant AND t.name = p_name AND t.valid_from <= p_now AND p_now < t.valid_to ORDER BY t.n DESC LIMIT 1
$$;

-- Every version that was loaded, the newest first, without its content.
CREATE OR REPLACE FUNCTION gate.care_tables(p_tenant int, p_name text)
RETURNS TABLE (n bigint, title text, version text, account text, reason text, valid_from timestamptz, valid_to timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.n, t.title, t.version, t.account, t.reason, t.valid_from, t.valid_to FROM record.care_table t
    WHERE t.tenant = p_tenant AND t.name = p_name ORDER BY t.n DESC
$$;

-- Put a version in force from now on; with a null content, end the one that is.
CREATE OR REPLACE FUNCTION gate.set_care_table(
    p_tenant int, p_credential bytea, p_generation int, p_now timestamptz, p_account text, p_name text, p_title text, p_version text, p_content text, p_reason text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM gate.alive(p_tenant, p_credential, p_generation, p_now);
    PERFORM pg_advisory_xact_lock(hashtextextended('care-table:' || p_tenant || ':' || p_name, 0));
    UPDATE record.care_table t SET valid_to = p_now WHERE t.tenant = p_tenant AND t.name = p_name AND t.valid_to > p_now;
    IF p_content IS NOT NULL THEN
        INSERT INTO record.care_table (tenant, name, title, version, content, account, reason, valid_from)
        VALUES (p_tenant, p_name, p_title, p_version, p_content, p_account, p_reason, p_now);
    END IF;
END $$;
