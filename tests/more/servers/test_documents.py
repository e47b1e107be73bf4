"""The documents' commands that need only S3, as they stand, with the real executable between."""

import hashlib
import json
import urllib.request

from documents import commands, documented

ADMIN, MEMBER = "b5b0a7f4-3c0e-4c37-8f0f-6f7a6f0c1a01", "b5b0a7f4-3c0e-4c37-8f0f-6f7a6f0c1a02"
SESSION = "3f0c2a52-7f8e-4f4e-9e0d-0f4b3f9f7a11"
# Any time will do that is ahead for as long as this is run.
AHEAD = 4_000_000_000


def people(s3, function, tmp_path) -> tuple[dict, dict]:
    """A new club's admin, and a member."""
    function.ok(action="any_trigger_initialization")
    admin, = s3.club(tmp_path)["users"].values()
    return admin, function.ok(action="admin_create_user", auth_token=admin["auth_token"], role="Student", name="Kim Lee")


def rename(function, admin: dict, member: dict, name: str) -> None:
    function.ok(action="admin_update_user", auth_token=admin["auth_token"], user_id=member["user_id"], role="Student",
                name=name)


def test_the_local_club_can_be_looked_at_and_restored(local_club, tmp_path):
    """As a newcomer does it: `cargo run -p local` in one terminal, these lines in another."""
    def post(**request) -> dict:
        sent = urllib.request.Request(local_club.function_url, json.dumps(request).encode(),
                                      {"Content-Type": "application/json"})
        with urllib.request.urlopen(sent) as answer:
            return json.load(answer)

    # Nothing is known but what the file says.
    local_club.environment, environment = {
        name: local_club.environment[name] for name in ("PRIVATE_BUCKET_NAME", "PUBLIC_BUCKET_NAME")
    }, local_club.environment
    shown = local_club.ok(documented("docs/running.md", "try"), tmp_path, PRIVATE_BUCKET="")
    assert shown.splitlines()[0].endswith(" data.json")
    printed, = (line for line in local_club.greeting if line.startswith(". "))
    assert local_club.ok(printed, tmp_path) == shown
    local_club.environment = environment

    before = local_club.club(tmp_path)
    admin = next(user for user in before["users"].values() if user["role"] == "Admin")
    versions = local_club.ok(documented("docs/running.md", "restore").split("aws s3api copy-object")[0], tmp_path)
    newest = versions.split()[1]
    member = post(action="admin_create_user", auth_token=admin["auth_token"], role="Student", name="Somebody Else")
    assert member["user_id"] in local_club.public_club()["users"]
    local_club.ok(documented("docs/running.md", "restore").replace("VERSION_ID", newest), tmp_path)
    post(action="any_trigger_initialization")
    assert local_club.club(tmp_path) == before
    assert local_club.public_club()["users"].keys() == before["users"].keys()


def test_yesterdays_club_is_restored(s3, function, tmp_path):
    admin, member = people(s3, function, tmp_path)
    before, metadata = s3.club(tmp_path), s3.metadata(tmp_path)
    listing = documented("docs/running.md", "restore").split("aws s3api copy-object")[0]
    # The newest comes first.
    version = s3.ok(listing, tmp_path).split()[1]
    rename(function, admin, member, "Somebody Else")
    assert s3.public_club()["users"][member["user_id"]]["name"] == "Somebody Else"
    shown = s3.ok(documented("docs/running.md", "restore").replace("VERSION_ID", version), tmp_path)
    assert version in shown and s3.metadata(tmp_path) == metadata
    # The next request publishes it, whatever it is, and the club can be changed again.
    function.ok(action="any_trigger_initialization")
    assert s3.club(tmp_path) == before
    assert s3.public_club()["users"][member["user_id"]]["name"] == "Kim Lee"
    rename(function, admin, member, "Kim")
    assert s3.public_club()["users"][member["user_id"]]["name"] == "Kim"
    assert '"level":"ERROR"' not in function.log(), function.log()


def test_a_copy_elsewhere_brings_the_club_back(s3, function, tmp_path):
    people(s3, function, tmp_path)
    copy = {"COPY_BUCKET": "club-copy"}
    s3.ok("aws s3 mb s3://club-copy\n" + documented("docs/running.md", "copy: make"), tmp_path, **copy)
    kept, metadata = s3.club(tmp_path), s3.metadata(tmp_path)
    assert s3.club(tmp_path, "club-copy") == kept
    s3.ok('aws s3 rm --recursive "s3://$PRIVATE_BUCKET"', tmp_path)
    s3.ok(documented("docs/running.md", "copy: restore"), tmp_path, **copy)
    assert (s3.club(tmp_path), s3.metadata(tmp_path)) == (kept, metadata)
    function.ok(action="any_trigger_initialization")
    assert s3.public_club()["users"].keys() == kept["users"].keys()


def test_somebody_is_erased_at_once(s3, function, tmp_path):
    admin, member = people(s3, function, tmp_path)
    function.ok(action="admin_delete_user", auth_token=admin["auth_token"], user_id=member["user_id"])
    data = tmp_path / "target/local" / s3.private
    named = lambda: [path for path in data.rglob("*") if path.is_file() and b"Kim Lee" in path.read_bytes()]  # noqa: E731
    assert named()
    for _another_time_there_is_nothing_to_delete in range(2):
        s3.ok(documented("docs/running.md", "erase"), tmp_path)
        assert not named()
    assert list(s3.club(tmp_path)["users"]) == [admin["user_id"]]
    function.ok(action="any_trigger_initialization")


def test_what_is_stored_about_somebody_is_shown(s3, function, tmp_path):
    admin, member = people(s3, function, tmp_path)
    added = function.ok(action="coach_add_training_session", auth_token=admin["auth_token"], start_time=AHEAD,
                        end_time=AHEAD + 3600, coach=admin["user_id"], comment=None)
    session = added["session"]["session_id"]
    function.ok(action="any_register_participation", joining_sessions={session: "Maybe"},
                user_auth_tokens=[member["auth_token"]])
    shown = json.loads(s3.ok(documented("docs/running.md", "export"), tmp_path, USER_ID=member["user_id"]))
    assert shown == {
        "user": {"user_id": member["user_id"], "name": "Kim Lee", "role": "Student"},
        "sessions": [{"session_id": session, "start_time": AHEAD, "is_coach": False, "answer": "Maybe"}],
        "attended": []}


def test_codes_and_the_clubs_secret_are_replaced(s3, function, tmp_path):
    admin, member = people(s3, function, tmp_path)
    with function.address() as url:
        s3.ok(documented("docs/running.md", "codes"), tmp_path, FUNCTION_URL=url, ADMINS_CODE=admin["auth_token"])
    code, name = (tmp_path / "codes.txt").read_text().strip().split(" ", 1)
    assert name == "Kim Lee" and code != member["auth_token"]
    digest = hashlib.sha256(code.encode()).hexdigest()
    assert s3.public_club()["users"][member["user_id"]]["auth_token"] == digest
    kept, before = s3.club(tmp_path), s3.metadata(tmp_path)
    s3.ok(documented("docs/running.md", "secret"), tmp_path)
    assert s3.metadata(tmp_path) == {} and s3.club(tmp_path) == kept
    rename(function, admin, member, "Kim")
    after = s3.metadata(tmp_path)
    assert after["dojang-journal"][2:22] != before["dojang-journal"][2:22]


def old_club() -> dict:
    """As the Python service writes it: codes of 8 characters, a session without coach and comment, a key more."""
    return {
        "users": {
            ADMIN: {"user_id": ADMIN, "name": "Master Ærø", "role": "Admin", "auth_token": "aB3dE6gH"},
            MEMBER: {"user_id": MEMBER, "name": "Kim", "role": "Student", "auth_token": "zY9xW8vU", "belt": "red"},
        },
        "sessions": {SESSION: {"session_id": SESSION, "start_time": AHEAD, "end_time": AHEAD + 5_400,
                               "state": "scheduled", "participation": {ADMIN: "Yes"}}},
    }


def test_a_club_is_taken_over(s3, function, tmp_path):
    """What of docs/taking-over.md needs only S3: keeping what is there, the list of old codes, the settings."""
    club = old_club()
    (tmp_path / "old.json").write_text(json.dumps(club))
    # The old service's bucket has neither versions nor rules.
    s3.ok("""
        aws s3api put-bucket-versioning --bucket "$PRIVATE_BUCKET" --versioning-configuration Status=Suspended
        aws s3api delete-bucket-lifecycle --bucket "$PRIVATE_BUCKET"
        aws s3api delete-public-access-block --bucket "$PRIVATE_BUCKET"
        aws s3 cp old.json "s3://$PRIVATE_BUCKET/data.json"
        echo '{}' | aws s3 cp - "s3://$PRIVATE_BUCKET/sessions/participation_data_2025.json"
    """, tmp_path)
    steps = commands(documented("docs/taking-over.md", "takeover: steps"))
    only_s3 = [step for step in steps if step.startswith(("mkdir ", "aws s3"))]
    assert len(only_s3) == 4, only_s3
    s3.ok("".join(only_s3), tmp_path)
    s3.ok(documented("docs/taking-over.md", "takeover: settings"), tmp_path)
    kept = tmp_path / "takeover/private"
    assert json.loads((kept / "data.json").read_text()) == club
    assert (kept / "sessions/participation_data_2025.json").read_text() == "{}\n"

    def of_bucket(what: str) -> dict:
        return json.loads(s3.ok(f'aws s3api get-{what} --bucket "$PRIVATE_BUCKET"', tmp_path))

    assert of_bucket("bucket-versioning") == {"Status": "Enabled"}
    rule, = of_bucket("bucket-lifecycle-configuration")["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30} and rule["Status"] == "Enabled"
    assert all(of_bucket("public-access-block")["PublicAccessBlockConfiguration"].values())

    # The new service takes it as it is.
    function.ok(action="any_trigger_initialization")
    assert s3.club(tmp_path) == club and s3.public_club()["users"][MEMBER]["belt"] == "red"
    listing = documented("docs/taking-over.md", "takeover: list")
    assert sorted(s3.ok(listing, tmp_path).splitlines()) == [f"{ADMIN} Admin Master Ærø", f"{MEMBER} Student Kim"]
    function.ok(action="admin_reset_auth_token", auth_token="aB3dE6gH", user_id=MEMBER)
    assert s3.ok(listing, tmp_path).splitlines() == [f"{ADMIN} Admin Master Ærø"]
    # What the old service wrote is there for 30 days more.
    versions = json.loads(s3.ok(
        'aws s3api list-object-versions --bucket "$PRIVATE_BUCKET" --prefix data.json --query "Versions[].VersionId"',
        tmp_path))
    assert versions[-1] == "null" and len(versions) >= 2
