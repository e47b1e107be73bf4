"""The shipped executable on S3 servers that others wrote: those that keep what the promises rest on lose nothing, and the
others are told apart before they can (docs/protocol.md, "What the server must keep")."""

import concurrent.futures
import json
import os
import re
import time

import pytest
from actions import TEST_SECRET, every_action
from documents import ROOT
from function import PATIENCE_SECONDS, Function
from local import LocalS3
from others import LocalBucket, LocalStack, Ministack, Moto, Pys3local, S3rver, S3sFs, SeaweedFS, SlowedMoto
from shipped import SHIPPED

WRITERS = 8
CHANGES = 500
# In which writes at once must show a server that lets several pass.
ATTEMPTS = 5

# What the log says of a server, by the column of the table.
FLAWS = {"`If-Match`": "ignores If-Match", "`If-None-Match`": "ignores If-None-Match",
         "writes at once": "lets several writes pass", "metadata": "drops x-amz-meta-*"}
FIT = [LocalS3, SeaweedFS, Ministack, LocalStack]
UNFIT = [S3sFs, SlowedMoto, S3rver, Pys3local, LocalBucket]
rows: dict[type, str] = {}


def function_on(server, trust="probed"):
    return Function([SHIPPED], {**server.environment, "DOJANG_S3_SERVER": trust, "TEST_SECRET": TEST_SECRET})


def warnings(function) -> list[dict]:
    """But for the one that a slow machine gives."""
    lines = [json.loads(line) for line in function.log().splitlines() if line.startswith("{")]
    return [line for line in lines
            if line["level"] in ("WARN", "ERROR") and line["message"] != "the club could not be prefetched"]


def note(kind, said: str, lost: str, verdict: str) -> None:
    """A row of the table in the document."""
    kept = ["no" if words in said else "yes" for words in FLAWS.values()]
    if "ignores If-Match" in said:
        kept[2] = "no"
    server = kind.name if kind is LocalS3 else f"{kind.name} {kind.version()}"
    rows[kind] = f"| {server} | {' | '.join(kept)} | {lost} | {verdict} |"


@pytest.mark.parametrize("kind", FIT, ids=lambda kind: kind.name)
def test_nothing_is_lost(kind, tmp_path):
    with kind(tmp_path) as server:
        with function_on(server) as function:
            admin = every_action(function, server, tmp_path)
            assert warnings(function) == []
        rush(server, admin)
        with function_on(server) as function:
            # Brings the public object in line, should the last writer have been cut short.
            function.ok(action="any_trigger_initialization")
        assert lost(server.club(tmp_path)) == lost(server.club(tmp_path, server.public)) == set()
        note(kind, "", "none", "changes are made")


def member(n: int) -> str:
    return f"Member {n}"


def rush(server, admin: str, trust="probed") -> None:
    """Several processes make changes at once until each is acknowledged."""
    def write(writer: int) -> None:
        with function_on(server, trust) as function:
            for n in range(writer, CHANGES, WRITERS):
                end = time.monotonic() + PATIENCE_SECONDS
                status = None
                # A 503 says to try again; the operation's id makes that safe.
                while status != 200:
                    assert status in (None, 503) and time.monotonic() < end, function.log()[-2000:]
                    status, _ = function.call(action="admin_create_user", auth_token=admin, name=member(n),
                                              role="Student", operation_id=f"rush-operation-{n}")
            assert not [line for line in warnings(function) if line.get("given_up") == "server"], "a false alarm"
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))


def lost(club: dict) -> set[str]:
    """What was acknowledged in a rush and is not in the club."""
    return set(map(member, range(CHANGES))) - {user["name"] for user in club["users"].values()}


@pytest.mark.parametrize("kind", UNFIT, ids=lambda kind: kind.name)
def test_what_cannot_keep_the_promises_is_told_apart(kind, tmp_path):
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with kind(folder) as server:
            with function_on(server) as function:
                status, body = function.call(action="any_trigger_initialization")
                # Writes at once may come one after the other by chance.
                if kind.shows_by_chance and status == 200:
                    continue
                assert status == 503 and "Nothing was changed" in body["error"], function.log()
                error = warnings(function)[-1]
                assert error["given_up"] == "server" and error["server"] in server.endpoint, error
                said = error["cause"]
                assert any(words in said for words in FLAWS.values()), said
            assert re.findall(r"[^\s\"]+\.json", "".join(server.objects(folder))) == ["dojang-probe.json"]
            with function_on(server, "single-instance") as function:
                function.ok(action="any_trigger_initialization")
                levels = {line["level"] for line in warnings(function)}
                assert levels == {"WARN"} or kind.shows_by_chance and not levels, function.log()
            # It was no false alarm.
            admin, = server.club(folder)["users"].values()
            rush(server, admin["auth_token"], "single-instance")
            assert lost(server.club(folder))
            note(kind, said, "some", "changes are refused")
            return
    pytest.fail(f"not told apart in {ATTEMPTS} attempts")


@pytest.mark.parametrize("kind", [Moto, SlowedMoto], ids=lambda kind: kind.name)
def test_moto_serves_one_instance(kind, tmp_path):
    with kind(tmp_path) as server, function_on(server, "single-instance") as function:
        every_action(function, server, tmp_path)
        for line in warnings(function):
            assert line["level"] == "WARN" and FLAWS["writes at once"] in line["message"], line


def test_the_document_has_the_table():
    if len(rows) < len(FIT + UNFIT):
        pytest.skip("needs all servers: run the whole file")
    head = f"| server | {' | '.join(FLAWS)} | lost of {CHANGES} acknowledged | so |"
    table = "\n".join([head, "| --- " * (len(FLAWS) + 3) + "|", *rows.values()])
    document = ROOT / "docs/protocol.md"
    text = document.read_text()
    before, _, rest = text.partition("<!-- servers -->\n")
    found, _, after = rest.partition("\n<!-- end of servers -->")
    if os.environ.get("DOJANG_UPDATE_DOCUMENTS"):
        document.write_text(f"{before}<!-- servers -->\n{table}\n<!-- end of servers -->{after}")
        return
    assert found == table
