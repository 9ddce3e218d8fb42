-- For which programs a review of an emergency speaks; null: for all. A reviewer who may not see every program's records speaks for their own.
ALTER TABLE record.emergency_event ADD COLUMN programs int[];
