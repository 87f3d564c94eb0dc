"""Notebooks and clips that leave this machine: what is passed on, and what must stay behind.

In come a ledger's clips and a notebook's file; out go a report that opens anywhere, and files in which no key, home
path or signed address is left. Next: `hailuo_nb.session`, which knows whose clips and which key.
"""
