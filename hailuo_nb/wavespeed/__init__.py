"""The service's REST API over httpx.

In come a model id, inputs, picture bytes or a prediction id; out come `Prediction`, prices, bills and the
clip's file. `client.Client` has one coroutine per call, `download.download` fetches files without the key.
One HTTP exchange is in `exchange`, what its answer means in `answers`, what the httpx clients are built of in
`connections`. Next: `hailuo_nb.jobs`, which takes each clip through these calls. Nothing here knows a
notebook or a database.
"""
