"""The session: settings, service, ledger and jobs of one notebook, together.

In comes what a cell or a form asks for, as plain values; it becomes checked requests, a quote, durable rows and jobs.
Out goes a `hailuo_nb.session.batch.Batch`. The notebook draws it; nothing here knows a widget.

`session` is the whole, `keys` finds the API key, `services` opens WaveSpeed or starts the simulator, `plan` decides
what is new, what is on disk and what may be sent, `batch` is what a cell gets back.
"""
