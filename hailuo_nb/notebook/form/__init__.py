"""The form: ``%hailuo form`` and ``hn.form()``.

In comes a variant's published schema and what a person types, drops and chooses; out goes the same `Asked` that a cell
makes, and with it the same requests. Next: the session, as for a cell.

Pure, without a widget:

``state``     what stands in the form, and how an earlier clip fills it
``fields``    which fields a variant has, by the types of its inputs
``reading``   what stands there, read and checked field by field
``preview``   what a prompt expands to
``hints``     quiet advice on a prompt, and the tips
``magic``     the form as a ``%%hailuo`` cell
``python``    the form as a call of ``hn.generate``
``samples``   the request for cURL and the official clients
``codes``     which of those was asked for
``costs``     what the button says
``till``      that each showing of the button is good for one click
``source``    the picture that was written, chosen or dropped
``picture``   the form as text and HTML, where no widget can be

With ipywidgets: ``controls`` makes them from fields, ``inputs`` puts them in the order of a sentence, ``parts`` are the
three small widgets of our own (prompt, picture, costs; their JavaScript is in ``static/``), ``latest`` looks again a
moment after the last change, ``board`` shows the clips under the form, and ``form`` puts all of it together.
"""
