"""The legal decision: who may have which record, by which rule, with which duties.

Values in, values out.
"""
