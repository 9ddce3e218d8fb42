-- What waits in other queues than that of messages, for whoever operates: found without reading what was done.
CREATE INDEX subscription_event_unsent ON record.subscription_event (at) WHERE NOT sent;
CREATE INDEX sftp_file_open ON record.sftp_file (updated) WHERE state IN ('open', 'whole');
CREATE INDEX outside_ask_open ON record.outside_ask (made) WHERE state = 'waiting';
CREATE INDEX direct_letter_open ON record.direct_letter (begun) WHERE state IN ('leaving', 'sent');
CREATE INDEX export_failed ON record.export (finished) WHERE state = 'failed';
