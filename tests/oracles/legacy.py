"""Reads "a<TAB>b" lines and prints "<", "=" or ">" a line, by the packaging in PYTHONPATH."""

import sys
import warnings

from packaging.version import parse

warnings.simplefilter("ignore")
for line in sys.stdin:
    left, right = (parse(version) for version in line.rstrip("\n").split("\t"))
    print("=><"[(left > right) - (left < right)])
