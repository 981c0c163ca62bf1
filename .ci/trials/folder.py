"""Makes the folder of .ci/page: a little of everything, and fifty thousand of the same."""

import os
import struct
import sys
import wave
import zlib


def picture(path, width, height, tint):
    """A gradient, as PNG."""
    lines = b"".join(
        b"\0" + b"".join(bytes((x * 255 // width, tint, y * 255 // height)) for x in range(width)) for y in range(height)
    )

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def write(path, content=b""):
    with open(path, "wb") as file:
        file.write(content)


root = sys.argv[1]
album = os.path.join(root, "album")
for folder in ("attic", "cellar"):
    os.makedirs(os.path.join(album, folder))
for number, height in ((1, 60), (2, 80), (10, 100)):
    picture(os.path.join(album, f"photo {number}.png"), 120, height, 20 * number)
write(os.path.join(album, "letter.txt"), b"Dear reader,\nall is well.\n")
write(os.path.join(album, "long.txt"), b"0123456789 abcdefghijklmnopqrstuvwxyz\n" * 20000)
write(os.path.join(album, "film.webm"))
write(os.path.join(album, "list.json"), b'{"a": [1, 2, 3]}\n')
write(os.path.join(album, "<img src=x onerror=alert(1)>.txt"), b"<script>alert(1)</script>")
write(os.path.join(album, "שלום.txt"), "שלום\n".encode())
write(
    os.path.join(album, "paper.pdf"),
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj\ntrailer<</Root 1 0 R>>\n",
)
with wave.open(os.path.join(album, "sound.wav"), "wb") as sound:
    sound.setparams((1, 2, 8000, 8000, "NONE", ""))
    sound.writeframes(bytes(16000))
project = os.path.join(root, "project")
os.makedirs(project)
picture(os.path.join(project, "logo.png"), 120, 40, 99)
# What tries to run, to ask other hosts, to look like the page or to take it over; and what is
# wide, and long words.
write(
    os.path.join(project, "README.md"),
    """# Welcome

![Logo](logo.png) ![spy](http://127.0.0.2:1/spy.png) [run](javascript:document.title='ran') [down](#the-end)

<script>document.title = "ran"</script>
<img src=http://127.0.0.2:1/img.png onerror="document.title='ran'">
<link rel=stylesheet href=http://127.0.0.2:1/style.css><style>body { display: none }</style>
<meta http-equiv=refresh content="0;url=http://127.0.0.2:1/"><base href=http://127.0.0.2:1/>
<iframe srcdoc="<script>top.document.title = 'ran'</script>"></iframe>
<form id=title action=http://127.0.0.2:1/><input name=q></form></article></section></main>

A <svg onload="document.title='ran'">b</svg> c <a href=javascript:alert(1) onclick=alert(1)>d</a> [e](&#1;java&Tab;script:alert(1))

## Title

| Left | Centre | Right |
|:-----|:------:|------:|
"""
    .encode()
    + b"| " + b"wide " * 20 + b"| `code` | 1 |\n\n```\n" + b"0123456789" * 40 + b"\n```\n\n"
    + b"a long word: " + b"0123456789" * 40
    + b"\n\n> [!NOTE]\n> Read on.\n\n- [x] done\n- [ ] open\n\n1. one\n2. two\n\nmore[^1]\n\n" * 20
    + b"## The End\n\n[^1]: A note.\n",
)
write(os.path.join(project, "guide.md"), b"# Guide\n\n*How* to [read](README.md).\n\n![Logo](logo.png)\n\n[down](#more)\n\n## More\n")
write(os.path.join(project, "notes.txt"), b"notes\n")
wide = os.path.join(root, "wide")
os.makedirs(wide)
for number in range(150):
    write(os.path.join(wide, f"{number:050}.txt"))
many = os.path.join(root, "many")
os.makedirs(many)
for number in range(50000):
    write(os.path.join(many, f"entry {number}.txt"))
