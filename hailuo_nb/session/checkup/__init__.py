"""What ``%hailuo doctor`` looks at, without a notebook: machine, folder, ledger, key, service, packages, clashes.

In comes a session; out go rows that say what is fine, what to look at and what is broken, with what to do. Nothing is
sent that could cost anything, and no row holds a key, a path, or the name of a user or machine. Next:
`hailuo_nb.notebook.doctor` adds what only a front end knows, and shows the table.

``examine`` runs checks side by side, each with a time-out
``machine`` Python, packages, codec, disk
``money``   key, service, clock, ledger: what stands between a cell and a clip
``clashes`` what is known not to go together
``table``   the rows as a DataFrame that can be pasted into an issue
"""
