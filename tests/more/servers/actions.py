"""All that a club can be asked for."""

import json
import time

TEST_SECRET = "only here"


def every_action(function, server, folder) -> str:
    """Each action once; the code of an admin."""
    function.ok(action="any_trigger_initialization")
    made, = server.club(folder)["users"].values()
    function.ok(action="any_reset_test_setup", test_secret=TEST_SECRET)
    club = server.club(folder)
    assert len(club["users"]) > 1 and made["user_id"] not in club["users"]
    first = next(user for user in club["users"].values() if user["role"] == "Admin")
    admin = function.ok(action="admin_create_user", auth_token=first["auth_token"], name="Grandmaster", role="Admin")
    code = admin["auth_token"]
    kim = function.ok(action="admin_create_user", auth_token=code, name="Kim", role="Student")
    now = int(time.time())
    session = {"start_time": now - 60, "end_time": now + 3600, "coach": admin["user_id"], "comment": "Forms"}
    function.ok(action="coach_add_training_session", auth_token=code, **session)
    session_id = next(key for key, held in server.club(folder)["sessions"].items() if held["comment"] == "Forms")
    function.ok(action="coach_update_training_session", auth_token=code, session_id=session_id, **session)
    function.ok(action="any_register_participation", joining_sessions={session_id: "Yes"},
                user_auth_tokens=[kim["auth_token"]])
    function.ok(action="coach_register_participation", auth_token=code, session_id=session_id,
                participants=[kim["user_id"]])
    history = function.ok(action="coach_get_historical_participation", auth_token=code, start_time=now - 3600,
                          end_time=now + 3600)
    assert kim["user_id"] in json.dumps(history)
    function.ok(action="admin_update_user", auth_token=code, user_id=kim["user_id"], name="Kim Holm", role="Student")
    shown = function.ok(action="admin_show_auth_token", auth_token=code, user_id=kim["user_id"])
    reset = function.ok(action="admin_reset_auth_token", auth_token=code, user_id=kim["user_id"])
    assert shown["auth_token"] == kim["auth_token"] != reset["auth_token"]
    function.ok(action="admin_delete_user", auth_token=code, user_id=kim["user_id"])
    status, _ = function.call(action="admin_delete_user", auth_token=code, user_id=kim["user_id"])
    assert status == 400
    return code
