"""HL7 v2 over MLLP: what partners send is kept, answered, and becomes resources."""
