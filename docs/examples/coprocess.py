"""Give each user the display name in the second column of a CSV file: python coprocess.py < names.csv"""

import csv
import json
import shlex
import subprocess
import sys


class Lback:
    """One lback process that runs commands."""

    def __init__(self):
        command = ["lback", "run", "-", "--keep-going", "--quiet", "-o", "jsonl"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def __call__(self, *words):
        """Run a command and return its answer: line, exit, and result or error."""
        self.process.stdin.write(shlex.join(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        """End the process, and return its exit code: 0, or 8 if a command failed."""
        self.process.stdin.close()
        return self.process.wait()


lback = Lback()
for username, display_name in csv.reader(sys.stdin):
    answer = lback("user", "update", username, "--set", f"display_name={display_name}")
    print(f"{username}: {answer['error']['message'] if 'error' in answer else answer['result']['outcome']}")
sys.exit(lback.close())
