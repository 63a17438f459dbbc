"""Runs a command on a pseudo-terminal of its own: what comes in on stdin is typed there, what it shows goes to stdout.

    python3 terminal.py [--columns N] COMMAND [ARGUMENT...]

Ends with the command's exit code, 128 + N when signal N killed it. Descendants of the command that outlive it are not ended.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios

CHUNK = 65_536
ROWS = 24

command = sys.argv[1:]
columns = 0
if command[0] == "--columns":
    columns = int(command[1])
    command = command[2:]

child, terminal = pty.fork()
if child == 0:
    if columns > 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    os.execvp(command[0], command)

sources = [terminal, sys.stdin.fileno()]
while terminal in sources:
    # Its exit ends the loop also where a descendant still holds the terminal.
    if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
        break
    for source in select.select(sources, [], [], 0.05)[0]:
        try:
            data = os.read(source, CHUNK)
        except OSError:
            data = b""  # Linux: nobody holds the terminal any more
        if not data:
            sources.remove(source)
        elif source == terminal:
            os.write(sys.stdout.fileno(), data)
        else:
            os.write(terminal, data)
while select.select([terminal], [], [], 0)[0]:
    try:
        data = os.read(terminal, CHUNK)
    except OSError:
        break
    if not data:
        break
    os.write(sys.stdout.fileno(), data)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
