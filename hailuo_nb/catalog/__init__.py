"""The catalogue: which variants there are, what they take, and what they cost.

In come a variant's name and what the user asks for; out go a checked, frozen `GenerationRequest` and a
`Quote`. Next: the session, which asks the ledger whether that clip already exists.

``variants``  the data (``variants.json``), and variants made from the service's own list of models
``imageref``  a picture as part of a request
``values``    Python values as plain JSON, and the faults in them
``checks``    every fault of what was asked, at once
``request``   the frozen request and its hash
``quotes``    the price of a request, by the dated table

It knows no network and no notebook.
"""
