-- Of what has just been written: what belongs to a visit one of whose documents was closed before. For the follower that tells its author.
CREATE OR REPLACE FUNCTION gate.beside_closed(p_tenant int, p_types text[], p_ids text[]) RETURNS TABLE (type text, id text, document text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT DISTINCT r.type, r.id, d.id
    FROM unnest(p_types, p_ids) AS w(type, id)
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = w.type AND r.id = w.id
    JOIN record.edge e ON e.tenant = p_tenant AND e.rid = r.rid AND e.type = r.type AND e.param = 'encounter'
    JOIN record.edge f ON f.tenant = p_tenant AND f.target = e.target AND f.type = 'DocumentReference' AND f.param = 'encounter'
    JOIN record.resource d ON d.tenant = p_tenant AND d.type = 'DocumentReference' AND d.rid = f.rid
    WHERE (d.type, d.id) <> (r.type, r.id) AND d.updated < r.updated
      AND (position(convert_to('sojourn.example/fhir/StructureDefinition/closing', 'UTF8') IN d.body) > 0
           OR EXISTS (SELECT FROM record.kept_apart k WHERE k.tenant = p_tenant AND k.seq = d.seq AND d.body = '' AND get_byte(k.sealed, 1) = 1))
$$;
