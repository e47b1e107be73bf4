"""Commands as the documents have them, so that what is tested is what people are told."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def documented(document: str, name: str) -> str:
    """The commands under the marker `<!-- NAME -->` of a document."""
    text = (ROOT / document).read_text()
    return re.search(rf"<!-- {name} -->\n+```sh\n(.*?)```", text, re.S)[1]


def commands(script: str) -> list[str]:
    """The commands of a script one by one, however many lines each has."""
    found, lines = [], ""
    for line in script.splitlines(keepends=True):
        if not lines and (not line.strip() or line.startswith("#")):
            continue
        lines += line
        # `bash -n` takes a line that goes on for one that ends.
        parsed = subprocess.run(["bash", "-n", "-c", lines], capture_output=True)
        if parsed.returncode == 0 and not line.endswith("\\\n"):
            found.append(lines)
            lines = ""
    assert not lines, lines
    return found
