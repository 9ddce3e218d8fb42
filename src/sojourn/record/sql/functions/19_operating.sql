-- For whoever operates the server: how many messages wait in which state, and since when the oldest; of all organizations together, and nothing of
-- what was done or held back. No caller: it says of nobody that they are here.
CREATE OR REPLACE FUNCTION gate.operating()
RETURNS TABLE (door text, direction text, state text, n bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.door, m.direction, m.state, count(*), min(m.received) FROM record.exchange_message m WHERE m.state = 'received' GROUP BY 1, 2, 3
    UNION ALL
    SELECT m.door, m.direction, m.state, count(*), min(m.received) FROM record.exchange_message m WHERE m.state IN ('review', 'held', 'failed') GROUP BY 1, 2, 3
$$;
