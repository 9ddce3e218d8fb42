"""Direct secure messaging: a mailbox at a HISP, whose mail is signed and encrypted here."""
