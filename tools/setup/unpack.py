"""Unpacks chosen members of an archive (wheel, jar, tar, tgz): unpack.py ARCHIVE TARGET PREFIX... ; a prefix that is a
whole name takes that member, an empty one takes all.

Python's own modules stand in for `unzip` and `tar`, which bare machines may lack; Python is needed for pip anyway.
"""
import os
import shutil
import sys
import tarfile
import zipfile

archive, target, prefixes = sys.argv[1], os.path.realpath(sys.argv[2]), tuple(sys.argv[3:])


def members():
    """Name and reader of each plain file; links and devices are left out."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as source:
            for member in source.infolist():
                if not member.is_dir():
                    yield member.filename, lambda member=member: source.open(member)
    else:
        with tarfile.open(archive) as source:
            for member in source:
                if member.isfile():
                    yield member.name, lambda member=member: source.extractfile(member)


taken = 0
for name, read in members():
    if not name.startswith(prefixes):
        continue
    path = os.path.realpath(os.path.join(target, name))
    if not path.startswith(target + os.sep):
        sys.exit(f"{archive}: {name} leads outside the target")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with read() as reader, open(path, "wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
    taken += 1
if taken == 0:
    sys.exit(f"{archive}: nothing matches {prefixes}")
print(taken)
