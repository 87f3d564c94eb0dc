"""The request of the form for other clients: cURL, and WaveSpeed's own for Python and Node.js.

In comes one checked request; out goes text to paste, each value quoted as its language quotes. The key is named as the
environment variable it comes from, and never written. Of several clips it is the first one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.notebook.form.python import inline

__all__ = ["curl_text", "node_text", "sdk_text"]

KEY = "WAVESPEED_API_KEY"
BASE = "WAVESPEED_BASE_URL"
ADDRESS = "https://api.wavespeed.ai"


def curl_text(request: GenerationRequest, files: Mapping[str, str], count: int = 1) -> str:
    """Give two commands for a shell: one that sends the request, one that asks for its clip.

    Parameters
    ----------
    request : GenerationRequest
        The clip.
    files : Mapping
        Where the file of each picture is, by input, for pictures that have no address.
    count : int
        How many clips the form makes; said in a remark.
    """
    lines = [f"base=${{{BASE}:-{ADDRESS}}}"]
    for name, file in files.items():
        kind = "png" if file.lower().endswith(".png") else "jpeg"
        encoded = f"$(base64 < {_shell(_path(file))} | tr -d '\\n')"
        lines.append(f'{_variable(name)}="data:image/{kind};base64,{encoded}"')
    pieces = _body(request.inputs, files)
    send = (
        f'curl -sS -X POST "$base/api/v3/{request.model_id}" \\\n'
        f'  -H "Authorization: Bearer ${KEY}" -H "Content-Type: application/json" \\\n'
    )
    if files:
        # A picture is too long for a command's arguments; printf is part of the shell.
        lines.append(f"printf '%s' {pieces} | \\\n{send}  --data-binary @-")
    else:
        lines.append(f"{send}  --data-raw {pieces}")
    ask = (
        "# It gives an id, and with that the clip:\n"
        f'# curl -sS "$base/api/v3/predictions/ID/result" -H "Authorization: Bearer ${KEY}"'
    )
    return "\n".join([*_remark("#", count), *lines, ask]) + "\n"


def sdk_text(request: GenerationRequest, files: Mapping[str, str], count: int = 1) -> str:
    """Give a script for the ``wavespeed`` package.

    Parameters
    ----------
    request, files, count
        As for `curl_text`.
    """
    inputs = "".join(
        f"    {json.dumps(name)}: {_python(name, value, files)},\n" for name, value in request.inputs.items()
    )
    return "\n".join(
        [
            *_remark("#", count),
            "# pip install wavespeed",
            "import os",
            "",
            "import wavespeed",
            "",
            f'client = wavespeed.Client(os.environ["{KEY}"], base_url=os.environ.get("{BASE}"))',
            "inputs = {",
            f"{inputs}}}",
            f'print(client.run({_literal(request.model_id)}, inputs)["outputs"])',
            "",
        ]
    )


def node_text(request: GenerationRequest, files: Mapping[str, str], count: int = 1) -> str:
    """Give a script for the ``wavespeed`` package of npm.

    Parameters
    ----------
    request, files, count
        As for `curl_text`.
    """
    inputs = "".join(
        f"    {json.dumps(name)}: {_node(name, value, files)},\n" for name, value in request.inputs.items()
    )
    return "\n".join(
        [
            *_remark("//", count),
            "// npm install wavespeed",
            'const { Client } = require("wavespeed");',
            "",
            "(async () => {",
            f"  const client = new Client(process.env.{KEY}, {{ baseUrl: process.env.{BASE} }});",
            "  const inputs = {",
            f"{inputs}  }};",
            f"  console.log((await client.run({json.dumps(request.model_id)}, inputs)).outputs);",
            "})();",
            "",
        ]
    )


def _remark(sign: str, count: int) -> list[str]:
    """Say where there are several clips that this is the first."""
    return [f"{sign} The first of {count} clips."] if count > 1 else []


def _plain(value: Any) -> Any:
    """Give an input as it is sent."""
    return value.url if isinstance(value, ImageRef) else value


def _body(inputs: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Write the JSON body for a shell, with a variable in the place of each picture."""
    said, text = [], "{"
    for number, (name, value) in enumerate(inputs.items()):
        text += f"{', ' if number else ''}{json.dumps(name)}: "
        if name in files:
            said += [_shell(f'{text}"'), f'"${_variable(name)}"']
            text = '"'
        else:
            text += json.dumps(_plain(value), ensure_ascii=False)
    return "".join([*said, _shell(text + "}")])


def _variable(name: str) -> str:
    """Give the shell's variable for a picture."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)


def _path(file: str) -> str:
    """Keep a file name from being read as an option."""
    return f"./{file}" if file.startswith("-") else file


def _shell(text: str) -> str:
    """Quote for a POSIX shell: nothing has a meaning between single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


def _literal(value: Any) -> str:
    """Write a plain value as Python."""
    if isinstance(value, str):
        return inline(value)
    return repr(list(value) if isinstance(value, tuple) else value)


def _python(name: str, value: Any, files: Mapping[str, str]) -> str:
    if name in files:
        return f"client.upload({_literal(files[name])})"
    return _literal(_plain(value))


def _node(name: str, value: Any, files: Mapping[str, str]) -> str:
    if name in files:
        return f"await client.upload({json.dumps(files[name])})"
    return json.dumps(_plain(value), ensure_ascii=False)
