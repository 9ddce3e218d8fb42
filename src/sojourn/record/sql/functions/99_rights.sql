-- The application role may run the gate's functions and nothing else.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gate FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gate TO sojourn_app;
GRANT EXECUTE ON FUNCTION gate.longitudinal(), gate.consented(int, text, bigint, int[], text, text, bigint[], timestamptz, text[],
    text, text, int[], timestamptz), gate.alive(int, bytea, int, timestamptz),
    gate.bears(int, bigint, text, bigint, int[], text[], text, text, boolean, timestamptz) TO sojourn_read;
