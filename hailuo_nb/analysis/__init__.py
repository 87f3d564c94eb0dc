"""What can be learnt from the clips that were made.

In comes the ledger; out go DataFrames for people, and plots of them. The session and the notebook are next: they show
them. pandas and matplotlib are loaded inside functions, so that loading this costs nothing.
"""
