-- Settings of organizations are numbered apart from the record: the number of a rule, which a page shows, would tell how much was written
-- between it and the one before, also of what its reader may not know of.
CREATE SEQUENCE record.setting_seq OWNED BY NONE;
SELECT setval('record.setting_seq', (SELECT last_value FROM record.seq));
ALTER TABLE record.subject_code ALTER COLUMN n SET DEFAULT nextval('record.setting_seq');
ALTER TABLE record.subject_law ALTER COLUMN n SET DEFAULT nextval('record.setting_seq');
ALTER TABLE record.policy ALTER COLUMN n SET DEFAULT nextval('record.setting_seq');
ALTER TABLE record.care_table ALTER COLUMN n SET DEFAULT nextval('record.setting_seq');
