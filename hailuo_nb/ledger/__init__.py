"""The ledger: one row per clip that was or will be paid, written before any money moves.

In come checked requests with their quotes and, later, what the service said about them; out go frozen rows
and the answer to "is this clip new, out, or already on disk?". The jobs are next: they take the rows through
their statuses.
"""
