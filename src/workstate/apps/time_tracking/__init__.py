"""Time tracking: one running timer a person, entries, and imports and exports on workers.

An entry is a span of a person's time in an organisation; it runs as long as it has no
end, and the database allows one running entry for a person. Moments are stored in UTC
and shown in the person's zone; a day is the person's day (`days`).

Every change goes through `services` and tells the person's open pages about it in the
transaction that makes it (`events`). Start, stop and discard need nothing but the
database. Imports and exports run on workers and may be killed at any moment: an import
goes on after the last chunk it stored, an export appears whole or not at all.
"""
