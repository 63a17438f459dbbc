"""Unpacks chosen members of a zip archive (wheel, jar): unpack.py ARCHIVE TARGET PREFIX... ; a prefix that is a whole name takes that member.

Python's zipfile stands in for `unzip`, which bare machines often lack; Python is needed for pip anyway.
"""
import os
import shutil
import sys
import zipfile

archive, target, prefixes = sys.argv[1], os.path.realpath(sys.argv[2]), tuple(sys.argv[3:])
taken = 0
with zipfile.ZipFile(archive) as source:
    for member in source.infolist():
        if member.is_dir() or not member.filename.startswith(prefixes):
            continue
        path = os.path.realpath(os.path.join(target, member.filename))
        if not path.startswith(target + os.sep):
            sys.exit(f"{archive}: {member.filename} leads outside the target")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with source.open(member) as reader, open(path, "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        taken += 1
if taken == 0:
    sys.exit(f"{archive}: nothing matches {prefixes}")
print(taken)
