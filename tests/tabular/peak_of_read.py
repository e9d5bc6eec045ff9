"""Read the table argv[1] into argv[2] and print the peak of anonymous memory, in MB."""

import re
import sys
import threading
import time
from pathlib import Path

from wingspan.tabular.read import read_table

peaks = [0]


def watch():
    """Poll the kernel's number, of which it keeps no peak."""
    while True:
        status = Path("/proc/self/status").read_text()
        peaks[0] = max(peaks[0], int(re.search(r"RssAnon:\s+(\d+)", status)[1]))
        time.sleep(0.005)


threading.Thread(target=watch, daemon=True).start()
read_table(Path(sys.argv[1]), Path(sys.argv[2]))
print(peaks[0] // 1024)
