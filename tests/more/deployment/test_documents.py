"""What the documents say of the code is true of it."""

import json
import re
import subprocess

import costs
import yaml
from conftest import ROOT, run


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_costs_are_those_of_the_calculation():
    assert f"<!-- costs -->\n\n{costs.table()}\n" in text("docs/running.md")
    # The README rounds them.
    readme = re.sub(r"\s+", " ", text("README.md"))
    small, large = (sum(costs.month(club).values()) for club in (costs.SMALL, costs.LARGE))
    assert f"[about {small:.0f} USD a month](docs/running.md#what-it-costs) for 30 members, {large:.0f} for 1,000" in readme
    protocol = text("docs/protocol.md")
    assert "| a warm change | 2 (PUT, PUT) |" in protocol and "| a cold change | 4 (GET, HEAD, PUT, PUT)" in protocol
    # The counts that the calculation starts from are the ones that a test holds.
    requests = text("tests/end_to_end/requests.rs")
    assert "GET of the private object, HEAD of the public one, PUT, PUT." in requests
    assert costs.COLD_CHANGE == (2, 2)


def test_the_queries_ask_for_fields_that_the_function_logs():
    queries = re.findall(r"<!-- query -->\n```\n(.*?)```", text("docs/running.md"), re.S)
    assert len(queries) == 4
    backend = text("src/backend.rs")
    logged = set(re.findall(r'\(\s*"([a-z_0-9]+)",\s*(?:json!|ms\()', backend)) | {"given_up", "requestId", "message"}
    # The fourth asks for Lambda's own lines too (AWS Lambda Telemetry API, `platform.report`).
    assert 'record.status != "success"' in queries.pop()
    for query in queries:
        aliases = set(re.findall(r"\bas ([a-z_0-9]+)", query))
        words = set(re.findall(r"\b([a-z]+(?:_[a-z0-9]+)+|status|action|cause|state|attempts|start|message)\b", query))
        for word in words - aliases:
            assert word in logged, (word, query)
        for message in re.findall(r'message = "([^"]+)"', query):
            assert f'"{message}"' in backend
    # Every field of the summary line is explained.
    documented = text("docs/running.md")
    for field in logged - {"requestId"}:
        assert f"`{field}`" in documented, field


def test_every_alarm_is_explained(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert f"| `{name}` |" in text("docs/running.md")


def test_every_parameter_is_explained(template):
    for name in template["Parameters"]:
        assert f"`{name}`" in text("docs/deploying.md"), name


def test_every_threat_names_tests_that_exist():
    security = text("SECURITY.md")
    rows = [line for line in security.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 10
    for row in rows:
        threat, _, shown_by = row.strip("| ").split(" | ")
        names = re.findall(r"`([^`]+)`", shown_by)
        assert names, threat
        for name in names:
            assert exists(name), f"{threat}: no {name}"


def exists(name: str) -> bool:
    if "::" in name:
        topic, case = name.split("::")
        return f"fn {case}(" in text(f"tests/end_to_end/{topic}.rs")
    if (ROOT / name).exists() or (ROOT / "tests/more/deployment" / name).exists():
        return True
    if (ROOT / f"tests/end_to_end/{name}.rs").exists():
        return True
    return subprocess.run(["git", "grep", "-q", f"fn {name}("], cwd=ROOT).returncode == 0


def test_the_changelog_has_this_version():
    version = re.search(r'^version = "(.*)"', text("Cargo.toml"), re.M)[1]
    assert version in text("CHANGELOG.md")


def test_hosted_ci_calls_what_everybody_calls_with_least_permissions():
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert any(step.get("run") == "bash .ci/run" for step in job["steps"])
        assert all(not step.get("with", {}).get("persist-credentials", False) for step in job["steps"])
    assert "secrets." not in text(".github/workflows/ci.yml")


def test_the_dev_container_is_the_machine_that_the_readme_asks_for():
    lines = [line for line in text(".devcontainer/devcontainer.json").splitlines() if not line.strip().startswith("//")]
    container = json.loads("\n".join(lines))
    image = re.fullmatch(r"rust:(\d+\.\d+)-bookworm", container["image"])
    minimum = re.search(r'^rust-version = "([\d.]+)"', text("Cargo.toml"), re.M)[1]
    assert tuple(map(int, image[1].split("."))) >= tuple(map(int, minimum.split(".")))
    assert container["remoteUser"] == "root"
    assert container["image"] in text(".github/workflows/ci.yml")


def test_the_scripts_can_be_run_and_parsed():
    for name in ("bootstrap/package", "bootstrap/deploy", "tests/more/deployment/run"):
        assert (ROOT / name).stat().st_mode & 0o111 == 0o111
        parsed = run("bash", "-n", name)
        assert parsed.returncode == 0, parsed.stderr
    for name in ("bootstrap/package", "bootstrap/deploy"):
        shown = run(name, "--help")
        assert shown.returncode == 0 and shown.stdout.startswith(f"usage: {name}")
