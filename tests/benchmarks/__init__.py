"""What hailuo_nb costs, each figure beside a peer in the same run; the README's table is printed here.

::

    python -m tests.benchmarks                     every benchmark, one table
    python -m tests.benchmarks history download    some
    python -m tests.benchmarks --list              their names, and what each measures
    python -m tests.benchmarks --markdown          the table as the README has it, with the machine
    python -m tests.benchmarks --json FILE         the raw numbers too

Peers come with ``pip install '.[bench]'``. Nothing here is a timed test: machines are noisy, so a figure is a median
and means something only beside its peer, measured in turn with it. What noise cannot move (requests, messages, bytes,
queries) is held by the tests.

**To add one**, put a module beside this file; its name is the benchmark's. Nothing is registered. The first line of
its docstring says what it measures, the rest what was tried. It has

- ``rows() -> list[Row]`` (`tests.benchmarks.frame.row.Row`): one row or more. A peer that is not installed is a row
  with ``note`` and without ``peer``; what cannot be measured here at all raises `NotMeasured` with one line.
- ``PEERS``, optional: names of installed distributions whose versions the table names, as in ``("pandas",)``.

Each benchmark runs in a process of its own, so it may start threads, kernels and browsers, and read its own memory; it
must end what it started, and write only to temporary folders. It should take under three minutes. Parts that several
benchmarks share stand in the folders beside: ``frame/`` (rows, timing, table), ``made/`` (made-up data, servers).
"""
