"""Try MiniMax Hailuo video prompts in a notebook.

A cell's text becomes requests, a quote says what they cost, the ledger writes them down, a job takes each
through submit, poll and download, a card in the cell shows it, and the history tells it all as a DataFrame.
"""
