"""The trail as it may be read: lines, AuditEvents, access reports, accountings, outliers."""
