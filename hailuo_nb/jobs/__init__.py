"""Jobs: each clip's way from a durable row to a finished file.

In come rows of the ledger (written by the session before any money moves) and a service to send them to; each is
carried through submit, poll and download on one background thread. Out come `hailuo_nb.jobs.job.Job` handles, which
tell whoever observes them what happened. The session hands them on, and cards in the notebook draw them.

`background` is the thread, `job` the handle, `waiting` the blocking side of it. `runner` carries a job from status to
status; each step is a module: `send`, `reconcile`, `follow` (paced by `pace`) and `fetch` (names from `files`).
"""
