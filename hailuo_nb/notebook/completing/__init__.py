"""Completion in ``%%hailuo`` cells and on ``%hailuo`` lines.

In come the text of a cell and the cursor's place in it; out goes what may stand there, and where it begins. Nothing
here but ``matcher`` knows IPython, and nothing heavy is imported: the first Tab of a fresh kernel is as quick as the
others.

``known``      what the notebook knows: variables, files, the newest clips; and what goes out: an `Answer`
``cursor``     where the cursor is: in a cell's line, in its prompt, on a command's line, and in which word
``lines``      commands, variants and options of a line
``values``     what may stand behind an option or a command
``files``      files and folders with the right endings
``prompt``     inside a prompt: values, columns and axes behind braces, camera commands behind a bracket
``answering``  puts these together
``matcher``    hands the answer to IPython
"""
