"""Types what docs/tour.md shows, and compares what comes with what it says.

    tour.py ROOT EXAMPLES

Works on a copy of the folder that the tour serves. A block of `console` is run, with the program
that the last `cargo run --example` started; what a comment before it says is what other programs
answer to the same. A block of `sh` says in a comment what runs it instead, or
why nothing does."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ADDRESS = ("127.0.0.1", 7000)
PATIENCE = 60
# What is another number each time.
VARIABLE = [(r"^Date: .*", "Date:"), (r"after \d+\.\d+ s", "after some seconds")]

root, examples = (os.path.abspath(path) for path in sys.argv[1:])


def blocks(text):
    """Kind, comment before it, lines, and number of the first line, of each block."""
    comment, kind, lines, begin = "", None, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if kind is not None:
            if line == "```":
                yield kind, comment, lines, begin
                kind, comment = None, ""
            else:
                lines.append(line)
        elif line.startswith("```"):
            kind, lines, begin = line[3:], [], number + 1
        else:
            found = re.fullmatch("<!-- (.*) -->", line)
            comment = found.group(1) if found else ""


def plain(text):
    for pattern, instead in VARIABLE:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.replace("\r", "").strip("\n")


class Step:
    """The program that is running."""

    def __init__(self):
        self.process, self.said = None, None

    def start(self, name, *arguments):
        self.end()
        self.process = subprocess.Popen(
            [f"{examples}/{name}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said = self.process.stdout.readline().rstrip("\n")
        if not self.said:
            sys.exit(f"{name} did not start: is there another server at {ADDRESS[0]}:{ADDRESS[1]}?")

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def typed(commands):
    """What a shell prints, to which `talk` is known as the tour says."""
    script = f"talk() {{ {examples}/client; }}\n" + "\n".join(commands) + "\nleft=$(jobs -p); [[ ! $left ]] || kill $left"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    return done.stdout + done.stderr


def check(where, expected, found):
    if plain(expected) != plain(found):
        sys.exit(f"{where} says\n{plain(expected)}\nand what comes is\n{plain(found)}")


def walk(text):
    step, count = Step(), 0
    try:
        for kind, comment, lines, begin in blocks(text):
            where = f"docs/tour.md:{begin}"
            if kind == "sh":
                place = re.fullmatch("elsewhere: (.*)", comment)
                if not comment.startswith("not run: ") and not (place and os.path.exists(f"{root}/{place.group(1)}")):
                    sys.exit(f"{where}: a comment has to say what runs this, or why nothing does")
            if kind != "console":
                continue
            commands = [line[2:] for line in lines if line.startswith("$ ")]
            expected = "\n".join(line for line in lines if not line.startswith("$ "))
            words = commands[0].split()
            if words[:3] == ["cargo", "run", "--example"]:
                step.start(words[3], *words[5:])
                check(where, expected or step.said, step.said)
            elif ": " in comment:
                for name, answer in re.findall(r"(tour_\w+): ([^;]+)", comment):
                    arguments = ["%s:%d" % ADDRESS, "docs"] if "3" in name or "4" in name else []
                    step.start(name, *arguments)
                    check(f"{where} ({name})", answer, typed(commands))
            else:
                check(where, expected, typed(commands))
            count += 1
    finally:
        step.end()
    return count


with open(f"{root}/docs/tour.md", encoding="utf-8") as file:
    tour = file.read()
with tempfile.TemporaryDirectory() as folder:
    shutil.copytree(f"{root}/docs", f"{folder}/docs")
    shutil.copy(f"{root}/Cargo.toml", folder)
    os.chdir(folder)
    count = walk(tour)
if count < 12:
    sys.exit(f"only {count} blocks were typed: are they still read?")
print(f"{count} blocks typed")
