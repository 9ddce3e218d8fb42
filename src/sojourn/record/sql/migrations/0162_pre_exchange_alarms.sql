-- What somebody who answers for a partner has to know: that nothing came for too long, that an agreement ends. One row for each silence and each
-- end, opened and closed by the clock (care/exchange/watching.py). It says of nobody that they are here: only whoever sees envelopes sees it.
CREATE TABLE record.exchange_alarm (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,                         -- silent, ends
    began timestamptz NOT NULL,                             -- silent: since when nothing came; ends: the end of the agreement's last day
    raised timestamptz NOT NULL, closed timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, partner, kind, began)
);
CREATE INDEX exchange_alarm_open ON record.exchange_alarm (tenant) WHERE closed = 'infinity';

-- When a partner was last heard is asked every minute: without it all that they ever sent was read for that.
CREATE INDEX exchange_message_heard ON record.exchange_message (tenant, partner, received) WHERE direction = 'in';

-- Organizations that are there already: the clock looks at when partners were heard and at no message.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'system', '{Exchange}', '{watch}'
FROM record.tenant t
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'system' AND r.known_to = 'infinity');

REVOKE ALL ON record.exchange_alarm FROM sojourn_app;
