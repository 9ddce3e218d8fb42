-- The application role may run the gate's functions and nothing else.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gate FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gate TO sojourn_app;
REVOKE EXECUTE ON FUNCTION gate.kept_apart(int, bigint) FROM sojourn_app; -- the server gets bodies with rows that may be seen, and not by number
GRANT EXECUTE ON FUNCTION gate.kept_apart(int, bigint), gate.longitudinal(), gate.consented(int, text, bigint, int[], text, text, bigint[], timestamptz, text[],
    text, text, int[], timestamptz), gate.forbidden(int, text, bigint, int[], text, text, bigint[], timestamptz, text[], text, text,
    timestamptz), gate.alive(int, bytea, int, timestamptz),
    gate.bears(int, bigint, text, bigint, int[], text[], text, text, boolean, timestamptz) TO sojourn_read;
-- Of the functions that answer a question those that stand in one statement with others (docs/decisions/0049-searches-together.md). They take who asks and the
-- decision and check the credential, for the reading role as for the application's.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'gate'::regnamespace
             AND p.proname IN ('read', 'chart', 'chart_redacted', 'find', 'included', 'versions') LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO sojourn_read', f);
    END LOOP;
END $$;
