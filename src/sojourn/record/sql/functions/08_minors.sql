-- Care to which a minor consented alone: what such a consent says (grants with the effect `label`) reaches the records of that care.

-- The bases that a row gets for it: of the programs and subjects that the consent names, from the day it was signed until it ended.
-- What several programs share, and the consent itself, get none by it.
CREATE OR REPLACE FUNCTION gate.minors_care(p_tenant int, p_rid bigint, p_type text, p_patient text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(bit_or(g.basis), 0) FROM record.consent_grant g
    JOIN record.resource r ON r.tenant = p_tenant AND r.type = p_type AND r.rid = p_rid
    WHERE g.tenant = p_tenant AND g.patient = p_patient AND g.recipient = '' AND g.effect = 'label' AND g.known_to = 'infinity'
      AND p_type <> ALL (gate.longitudinal()) AND p_type <> 'Consent'
      AND (g.programs IS NULL OR (r.origin <> '{}' AND r.origin <@ g.programs)) AND (g.codes IS NULL OR r.tokens && g.codes)
      -- What has a day and no time is of that care if some of its day is, wherever the day ends last (UTC-12).
      AND CASE WHEN r.at < '1800-01-01' THEN r.updated WHEN r.at = date_trunc('day', r.at, 'UTC') THEN r.at + interval '36 hours' ELSE r.at END >= g.valid_from
      AND CASE WHEN r.at < '1800-01-01' THEN r.updated ELSE r.at END < g.valid_to
$$;

-- What such consents of these patients say.
CREATE OR REPLACE FUNCTION gate.minors_consents(p_tenant int, p_patients text[])
RETURNS TABLE (patient text, basis bigint, programs int[], codes bigint[], valid_from timestamptz, valid_to timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT g.patient, g.basis, g.programs, g.codes, g.valid_from, g.valid_to FROM record.consent_grant g
    WHERE g.tenant = p_tenant AND g.patient = ANY (p_patients) AND g.recipient = '' AND g.effect = 'label' AND g.known_to = 'infinity'
$$;
