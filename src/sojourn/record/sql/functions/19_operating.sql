-- For whoever operates the server: how many messages wait in which state, and since when the oldest; of all organizations together, and nothing of
-- what was done or held back. No caller: it says of nobody that they are here.
CREATE OR REPLACE FUNCTION gate.operating()
RETURNS TABLE (door text, direction text, state text, n bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.door, m.direction, m.state, count(*), min(m.received) FROM record.exchange_message m WHERE m.state = 'received' GROUP BY 1, 2, 3
    UNION ALL
    SELECT m.door, m.direction, m.state, count(*), min(m.received) FROM record.exchange_message m WHERE m.state IN ('review', 'held', 'failed') GROUP BY 1, 2, 3
$$;

-- The same of what else waits: deliveries of subscriptions, exports, files by SFTP and errands to servers of partners, what is asked outside, letters by Direct, calls to people.
-- Without an age where none says anything; an export that failed is counted for a day.
CREATE OR REPLACE FUNCTION gate.operating_queues(p_now timestamptz)
RETURNS TABLE (queue text, state text, n bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT 'subscriptions', CASE WHEN s.state = 'active' AND s.tries > 0 THEN 'retrying' ELSE s.state END, count(*), NULL::timestamptz
    FROM record.subscription s WHERE s.state IN ('requested', 'active', 'error') GROUP BY 1, 2
    UNION ALL SELECT 'subscription-events', 'waiting', count(*), min(e.at) FROM record.subscription_event e
              JOIN record.subscription s ON s.tenant = e.tenant AND s.subscription = e.subscription AND s.state IN ('active', 'error') WHERE NOT e.sent
    UNION ALL SELECT 'exports', e.state, count(*), min(e.begun) FROM record.export e WHERE e.state IN ('waiting', 'running') GROUP BY 2
    UNION ALL SELECT 'exports', 'failed', count(*), min(e.finished) FROM record.export e WHERE e.state = 'failed' AND e.finished > p_now - interval '1 day'
    UNION ALL SELECT 'sftp-files', CASE f.state WHEN 'open' THEN 'arriving' ELSE 'arrived' END, count(*), min(f.updated) FROM record.sftp_file f WHERE f.state IN ('open', 'whole') GROUP BY 2
    UNION ALL SELECT 'sftp-errands', CASE WHEN r.problem <> '' THEN 'failing' WHEN r.due <= p_now THEN 'due' ELSE 'resting' END, count(*), min(r.due) FILTER (WHERE r.due <= p_now)
              FROM record.sftp_errand_run r JOIN record.sftp_errand e ON e.tenant = r.tenant AND e.errand = r.errand AND e.known_to = 'infinity' AND e.state = 'active' GROUP BY 2
    UNION ALL SELECT 'asks', 'waiting', count(*), min(a.made) FROM record.outside_ask a WHERE a.state = 'waiting'
    UNION ALL SELECT 'calls', CASE WHEN k.said = '' THEN 'waiting' ELSE 'failing' END, count(*), min(k.begun) FROM record.call k WHERE k.outcome = '' GROUP BY 2
    UNION ALL SELECT 'direct-letters', l.state, count(*), min(l.begun) FROM record.direct_letter l WHERE l.state IN ('leaving', 'sent') GROUP BY 2
$$;
