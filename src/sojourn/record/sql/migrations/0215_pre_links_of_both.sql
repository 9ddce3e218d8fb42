-- That two records are of one person is said to nobody who may not see both (gate/bearing.py): also where it was written down before that was so.
-- Edges that begin with ! say what a row cannot do without; of one name it takes all, so each record has a name of its own now.
UPDATE record.edge e SET param = e.param || '.' || k.n
FROM (SELECT o.ctid AS place, row_number() OVER (PARTITION BY o.tenant, o.rid, o.param ORDER BY o.target) - 1 AS n
      FROM record.edge o WHERE o.type = 'Linkage' AND o.param >= '!' AND o.param < '"' AND strpos(o.param, '.') = 0) k
WHERE e.ctid = k.place;
