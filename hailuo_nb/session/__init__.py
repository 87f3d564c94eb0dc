"""The session: settings, service, ledger and jobs of one notebook, together.

In comes what a cell or a form asks for, as plain values; it becomes checked requests, a quote, durable rows and jobs.
Out goes a `hailuo_nb.session.batch.Batch`. The notebook draws it; nothing here knows a widget.

`session` is the whole. On the walk: `asking` reads a call's arguments, `pictures` finds its pictures, `plan` multiplies
out, `making` prices, weighs (`limits`) and writes down, `batch` is what a cell gets back, `aftercare` is what a person
does about clips that went wrong. Of clips that are there, `comparing` finds those to look at, `judging` writes down
what is thought of them and `sheet` puts them on one picture. Beside it, `keys` finds the API key, `services` opens
WaveSpeed or starts the simulator, `models` knows what any model takes and costs.
"""
