"""The executable on S3 servers that others wrote: those that keep what the promises rest on lose nothing, and the
others are told apart before they can (docs/protocol.md, "What the server must keep")."""

import concurrent.futures
import json
import os
import re
import time

import pytest
from documents import ROOT
from function import Function
from local import LocalS3
from others import Moto, Pys3local, S3rver, SeaweedFS

BOOTSTRAP = str(ROOT / "target/debug/bootstrap")
TEST_SECRET = "only here"
WRITERS = 8
CHANGES = 500

# What the log says of a server, by the column of the table.
FLAWS = {"`If-Match`": "ignores If-Match", "`If-None-Match`": "ignores If-None-Match",
         "writes at once": "lets several writes pass", "metadata": "drops x-amz-meta-*"}
LocalS3.name = "this project's own"
rows: dict[str, str] = {}


def function_on(server, trust="probed"):
    return Function([BOOTSTRAP], {**server.environment, "DOJANG_S3_SERVER": trust, "TEST_SECRET": TEST_SECRET})


def warnings(function) -> list[dict]:
    lines = [json.loads(line) for line in function.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] in ("WARN", "ERROR")]


def ok(function, **request) -> dict:
    status, body = function.call(**request)
    assert status == 200, (request["action"], body, function.log()[-2000:])
    return body


def note(server, said: str, verdict: str) -> None:
    """A row of the table in the document."""
    kept = ["no" if words in said else "yes" for words in FLAWS.values()]
    if "ignores If-Match" in said:
        kept[2] = "no"
    rows[server.name] = f"| {server.name} | {' | '.join(kept)} | {verdict} |"


@pytest.mark.parametrize("kind", [LocalS3, SeaweedFS, Moto], ids=lambda kind: kind.name)
def test_nothing_is_lost(kind, tmp_path):
    with kind(tmp_path) as server:
        with function_on(server) as function:
            admin = every_action(function, server, tmp_path)
            assert warnings(function) == []
        acknowledged = rush(server, admin)
        with function_on(server) as function:
            # Brings the public object in line, should the last writer have been cut short.
            ok(function, action="any_trigger_initialization")
        for club in (server.club(tmp_path), server.club(tmp_path, server.public)):
            names = {user["name"] for user in club["users"].values()}
            assert acknowledged <= names, f"{len(acknowledged - names)} of {len(acknowledged)} are lost"
        print(f"{kind.name}: {len(acknowledged)} of {CHANGES} acknowledged, none lost")
        note(server, "", "nothing is lost")


def every_action(function, server, folder) -> str:
    """Each action once; the code of an admin."""
    ok(function, action="any_trigger_initialization")
    made, = server.club(folder)["users"].values()
    ok(function, action="any_reset_test_setup", test_secret=TEST_SECRET)
    club = server.club(folder)
    assert len(club["users"]) > 1 and made["user_id"] not in club["users"]
    first = next(user for user in club["users"].values() if user["role"] == "Admin")
    admin = ok(function, action="admin_create_user", auth_token=first["auth_token"], name="Grandmaster", role="Admin")
    code = admin["auth_token"]
    kim = ok(function, action="admin_create_user", auth_token=code, name="Kim", role="Student")
    now = int(time.time())
    session = {"start_time": now - 60, "end_time": now + 3600, "coach": admin["user_id"], "comment": "Forms"}
    ok(function, action="coach_add_training_session", auth_token=code, **session)
    session_id = next(key for key, held in server.club(folder)["sessions"].items() if held["comment"] == "Forms")
    ok(function, action="coach_update_training_session", auth_token=code, session_id=session_id, **session)
    ok(function, action="any_register_participation", joining_sessions={session_id: "Yes"},
       user_auth_tokens=[kim["auth_token"]])
    ok(function, action="coach_register_participation", auth_token=code, session_id=session_id,
       participants=[kim["user_id"]])
    history = ok(function, action="coach_get_historical_participation", auth_token=code, start_time=now - 3600,
                 end_time=now + 3600)
    assert kim["user_id"] in json.dumps(history)
    ok(function, action="admin_update_user", auth_token=code, user_id=kim["user_id"], name="Kim Holm", role="Student")
    shown = ok(function, action="admin_show_auth_token", auth_token=code, user_id=kim["user_id"])
    reset = ok(function, action="admin_reset_auth_token", auth_token=code, user_id=kim["user_id"])
    assert shown["auth_token"] == kim["auth_token"] != reset["auth_token"]
    ok(function, action="admin_delete_user", auth_token=code, user_id=kim["user_id"])
    status, _ = function.call(action="admin_delete_user", auth_token=code, user_id=kim["user_id"])
    assert status == 400
    return code


def rush(server, admin: str) -> set[str]:
    """Several processes change the club at once; the names that were acknowledged."""
    def write(writer: int) -> set[str]:
        acknowledged = set()
        with function_on(server) as function:
            for n in range(writer, CHANGES, WRITERS):
                name = f"Member {n}"
                # A 503 says to try again; the operation's id makes that safe.
                for _ in range(5):
                    status, _ = function.call(action="admin_create_user", auth_token=admin, name=name, role="Student",
                                              operation_id=f"rush-operation-{n}")
                    if status == 200:
                        acknowledged.add(name)
                        break
                    assert status == 503, function.log()[-2000:]
            assert not [line for line in warnings(function) if line.get("given_up") == "server"], "a false alarm"
        return acknowledged
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as writers:
        acknowledged = set().union(*writers.map(write, range(WRITERS)))
    assert len(acknowledged) > CHANGES / 2, acknowledged
    return acknowledged


@pytest.mark.parametrize("kind", [S3rver, Pys3local], ids=lambda kind: kind.name)
def test_what_cannot_keep_the_promises_is_told_apart(kind, tmp_path):
    with kind(tmp_path) as server:
        with function_on(server) as function:
            status, body = function.call(action="any_trigger_initialization")
            assert status == 503 and "Nothing was changed" in body["error"], function.log()
            error = warnings(function)[-1]
            assert error["given_up"] == "server" and error["server"] in server.endpoint, error
            said = error["cause"]
            assert any(words in said for words in FLAWS.values()), said
        listed = server.ok('for bucket in "$PRIVATE_BUCKET" "$DATA_BUCKET"; do aws s3 ls --recursive "s3://$bucket"; done', tmp_path)
        assert re.findall(r"\S+\.json", listed) == ["dojang-probe.json"]
        with function_on(server, "single-instance") as function:
            ok(function, action="any_trigger_initialization")
            assert {line["level"] for line in warnings(function)} == {"WARN"}, function.log()
        note(server, said, "changes are refused")


def test_the_document_has_the_table():
    if len(rows) < 5:
        pytest.skip("needs all servers: run the whole file")
    head = f"| server | {' | '.join(FLAWS)} | so |"
    table = "\n".join([head, "| --- " * (len(FLAWS) + 2) + "|", *rows.values()])
    document = ROOT / "docs/protocol.md"
    text = document.read_text()
    before, _, rest = text.partition("<!-- servers -->\n")
    found, _, after = rest.partition("\n<!-- end of servers -->")
    if os.environ.get("DOJANG_UPDATE_DOCUMENTS"):
        document.write_text(f"{before}<!-- servers -->\n{table}\n<!-- end of servers -->{after}")
        return
    assert found == table
