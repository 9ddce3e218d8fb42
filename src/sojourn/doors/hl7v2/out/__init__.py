"""What goes out by HL7 v2: found in the feed, decided by the gate when it leaves, sent by MLLP."""
