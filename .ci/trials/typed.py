"""`typed.py COMMAND…`: what a shell makes of lines that end with Tab, at a terminal of its own.

It reads lines, types each of them behind `serve `, then Tab and Return, and prints the words
that the command got. In that shell the prompt is `ready> `, and `serve` a function of the
user's that prints its words as `<words: …>`.
"""

import os
import pty
import re
import select
import sys
import time

PATIENCE = 30


class Terminal:
    """What a shell has said and nobody has looked at yet."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.text = ""

    def until(self, what):
        """Reads until this comes, and returns what it found. A question where the cursor is
        is answered, for some shells wait for that."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(what, self.text)):
            if not select.select([self.descriptor], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit(f"nothing like {what} in {self.text!r}")
            part = os.read(self.descriptor, 65536).decode(errors="replace")
            for _ in range(part.count("\x1b[6n")):
                os.write(self.descriptor, b"\x1b[1;1R")
            self.text += part
        self.text = self.text[found.end() :]
        return found


def main():
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(sys.argv[1], sys.argv[1:])
    shell = Terminal(terminal)
    shell.until("ready> ")
    for line in sys.stdin:
        os.write(terminal, f"serve {line.rstrip(chr(10))}\t".encode())
        # Return before it has drawn what it offers would choose from that.
        time.sleep(0.3)
        os.write(terminal, b"\r")
        print(shell.until("<words: (.*?) *>")[1], flush=True)
        shell.until("ready> ")
    os.close(terminal)


main()
