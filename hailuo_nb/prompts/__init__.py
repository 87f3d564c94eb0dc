"""What a cell's text says: values, axes, and the prompts they make.

In comes the text under ``%%hailuo`` (or a Python string) and the notebook's variables; out come
`PromptPlan`s, each of which gives its prompts one by one without building them all. Next: the session, which
makes one request per prompt.

``places``   a place in a text, shown with a caret under it
``axes``     named alternatives and every combination of them
``values``   the sandbox that works out one ``{{expression}}``, and values as text
``grammar``  the grammar itself: `parse`, `parse_cell`, `split_cell`

It knows no network, no notebook, and gives nothing but single expressions to jinja2.
"""
