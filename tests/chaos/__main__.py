"""`python3 -m chaos --seconds 1800 --seed 42`, in tests/."""

import argparse
import sys
import time

from chaos.run import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0x7FFFFFFF)
    options = parser.parse_args()
    found, report = run(options.seed, options.seconds)
    print(report)
    sys.exit(1 if found.counts else 0)


if __name__ == "__main__":
    main()
