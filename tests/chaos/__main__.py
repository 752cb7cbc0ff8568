"""`python3 -m chaos --seconds 1800 --seed 42`, in tests/.

The report says whether there were 500 faults in half an hour (fewer in a shorter run) and 500 events a second; asked for by
--least-faults and --least-rate, the run fails where there were not.
"""

import argparse
import sys
import time

from chaos.run import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0x7FFFFFFF)
    parser.add_argument("--least-faults", type=float, help="in 1,800 seconds, scaled to those of the run")
    parser.add_argument("--least-rate", type=float, help="events a second")
    options = parser.parse_args()
    found, report, missed = run(options.seed, options.seconds, least_faults=options.least_faults, least_rate=options.least_rate)
    print(report)
    sys.exit(1 if found.counts or missed else 0)


if __name__ == "__main__":
    main()
