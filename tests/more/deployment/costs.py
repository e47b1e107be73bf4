"""What a club costs a month: requests as the project's tests count them, times AWS's public prices.

A model, not a measurement. `python3 tests/more/deployment/costs.py` prints the table of docs/running.md.
"""

from dataclasses import dataclass

# USD, us-east-1, before any free tier; read in November 2026 from AWS's pages "S3 pricing", "Lambda pricing",
# "CloudWatch pricing" and pages that quote them. Other regions cost up to a quarter more.
PUT = 0.005 / 1_000
GET = 0.0004 / 1_000
STORAGE_GB_MONTH = 0.023
TRANSFER_GB = 0.09
LAMBDA_REQUEST = 0.20 / 1_000_000
LAMBDA_GB_SECOND = 0.0000133334  # arm64
LOG_GB = 0.50
ALARM = 0.10
METRIC = 0.30
# Free every month for every account, without an end.
FREE_TRANSFER_GB = 100
FREE_ALARMS = 10
FREE_METRICS = 10

# S3 requests (PUT, GET) of a change and of taking attendance when every one starts a new instance, the
# dearest case: GET, HEAD, PUT, PUT, and for attendance a GET and a PUT of the history more. Held by
# tests/end_to_end/requests.rs; a warm change takes 2 PUT.
COLD_CHANGE = (2, 2)
COLD_ATTENDANCE = (3, 3)
# How a member uses it in a month (assumed): the page opened on 40 occasions, 10 polls of data.json each, all
# of them full downloads; 12 answers.
POLLS = 40 * 10
ANSWERS = 12
# One invocation (assumed, high): 200 ms at 256 MB, 500 bytes of log lines and 1,000 of Lambda's own.
SECONDS, GB = 0.2, 0.25
LOG_BYTES = 1_500
ALARMS, METRICS = 8, 2


@dataclass
class Club:
    """A club by its size."""

    members: int
    sessions_a_month: int
    # Of data.json: 39 KB with 10 members and 50 sessions, 222 KB with 1,000 (benches/harness/src/club.rs).
    data_bytes: int


SMALL = Club(30, 13, 43_000)
LARGE = Club(1_000, 60, 222_000)


def month(club: Club) -> dict[str, float]:
    """USD a month by item, without free tiers."""
    answers = club.members * ANSWERS
    invocations = answers + club.sessions_a_month
    polls = club.members * POLLS
    puts = answers * COLD_CHANGE[0] + club.sessions_a_month * COLD_ATTENDANCE[0]
    gets = answers * COLD_CHANGE[1] + club.sessions_a_month * COLD_ATTENDANCE[1] + polls
    versions_gb = invocations * club.data_bytes / 1e9
    return {
        "S3 requests": puts * PUT + gets * GET,
        "S3 storage, 30 days of versions": versions_gb * STORAGE_GB_MONTH,
        "downloads of data.json": polls * club.data_bytes / 1e9 * TRANSFER_GB,
        "Lambda": invocations * (LAMBDA_REQUEST + SECONDS * GB * LAMBDA_GB_SECOND),
        "logs": invocations * LOG_BYTES / 1e9 * LOG_GB,
        f"{ALARMS} alarms and {METRICS} metrics": ALARMS * ALARM + METRICS * METRIC,
    }


def after_free_tiers(club: Club) -> float:
    """USD a month in an account that has nothing else in it, by the free tiers that never end."""
    items = month(club)
    gigabytes = club.members * POLLS * club.data_bytes / 1e9
    items["downloads of data.json"] = max(gigabytes - FREE_TRANSFER_GB, 0) * TRANSFER_GB
    items[f"{ALARMS} alarms and {METRICS} metrics"] = (max(ALARMS - FREE_ALARMS, 0) * ALARM + max(METRICS - FREE_METRICS, 0) * METRIC)
    # Lambda: 1 million requests and 400,000 GB-s; logs: 5 GB.
    items["Lambda"] = items["logs"] = 0.0
    return sum(items.values())


def table() -> str:
    """Markdown."""
    small, large = month(SMALL), month(LARGE)
    lines = [f"| USD a month | {SMALL.members} members | {LARGE.members:,} members |", "| --- | --- | --- |"]
    lines += [f"| {item} | {small[item]:.3f} | {large[item]:.3f} |" for item in small]
    lines.append(f"| **all, without free tiers** | **{sum(small.values()):.2f}** | **{sum(large.values()):.2f}** |")
    lines.append(f"| **all, after AWS's lasting free tiers** | **{after_free_tiers(SMALL):.2f}** | "
                 f"**{after_free_tiers(LARGE):.2f}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
