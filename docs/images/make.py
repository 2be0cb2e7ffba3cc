"""Runs a command on the demo company and keeps what it prints as the README's picture.

Run after `make demo`: .venv/bin/python docs/images/make.py
"""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 100
ANNA = "anna.lindqvist@harborline.example"
PICTURES = {
    "answer.svg": ["ask", "win rate by team this year", "--as", ANNA],
}


def main() -> None:
    """Write every picture; a command that fails stops the run."""
    program = Path(sys.executable).with_name("sales-copilot")
    surroundings = {**os.environ, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1"}
    for name, arguments in PICTURES.items():
        done = subprocess.run(  # noqa: S603  # our own program, fixed arguments
            [program, "--workspace", "demo", *arguments],
            env=surroundings,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        shown = " ".join(f'"{one}"' if " " in one else one for one in arguments)
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
        console.print(Text(f"$ sales-copilot --workspace demo {shown}\n", style="bold"))
        console.print(Text.from_ansi(done.stdout))
        picture = console.export_svg(title="sales-copilot")
        # The reader's own monospaced font does; nothing is fetched to look at a picture.
        picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
        (HERE / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
