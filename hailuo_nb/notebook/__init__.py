"""The notebook side: cells in, cards out.

In come the text and options of a cell or what a person clicks; the session does the work and hands out batches and
jobs; out go cards, tables and one-line errors. Nothing here knows HTTP or the database.

`extension` is what ``%load_ext`` runs and must stay light. `magics` hands a cell to `cells` and a line to `commands`;
`options` reads both by the tables in `option_table`. `surroundings` knows the front end, `api` is the same from Python.
`front` shows batches: `compose` says what a card says, `view` holds it, `card` and ``static/`` draw it live, `twin` and
`sheet` draw it without a kernel. `frames` shows tables of clips, pivots and plots: `table`, `pivot_table`, `figures`
and `interactive` draw them, `posters` has their pictures. `form` is the same without a cell. `compare` shows clips side
by side (`comparison` says what stands where, `comparison_twin` draws that without a kernel), `vote` two at a time;
`scripts` puts their pages together.
"""
