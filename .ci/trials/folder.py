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
many = os.path.join(root, "many")
os.makedirs(many)
for number in range(50000):
    write(os.path.join(many, f"entry {number}.txt"))
