"""The service on this machine: every call of WaveSpeed's REST API, answered without a key, a bill or a network.

In comes HTTP on a loopback address, out go the service's own answers and real MP4 files that say SIMULATED.
It is a process of its own (``python -m hailuo_nb.simulator``); whoever needs it starts it and talks to it as
to the service.

From the outside in::

    __main__     the command line, the socket, the line that says it is ready
    web          paths, headers and envelopes; faults sits around it and spoils answers on purpose
    service      what each call means: checks, prices, charges, refunds
    generation   one prediction's life from created to completed, and the limit "at once"
    store        predictions, balance, bills and counters in one SQLite file
    studio       worker processes that draw clips, and the cache of finished ones
    film         one clip: scenery moved by camera under a caption, encoded as H.264

**Magic words** in a prompt decide how that prediction ends; they are drawn like any other text:

``[simulate: fail 1200]``
    The task fails with that code (1200, 1400, 1401, 1402, 1403, 1405, 1406, 1407, 5000, 5003, 5004 have the service's
    texts); more words after the code replace the text: ``[simulate: fail 1405 out of paint]``. It is refunded.
``[simulate: cancelled]``, ``[simulate: timeout]``
    It ends with that status, refunded.
``[simulate: status paused]``
    While it runs its status is ``paused``, a word no client knows.
``[simulate: takes 40]``
    It takes 40 s before ``--speed`` divides them.
``[simulate: refuse 400]``
    The submit itself is answered with that HTTP status, and nothing is charged.

Spoiled connections and answers are described in :mod:`hailuo_nb.simulator.faults`.
"""
