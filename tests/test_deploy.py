"""deploy/: what can be held against schemas, our code and the programs that it starts. None of it is run here."""

import importlib
import importlib.resources
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = ("compose.yaml", "compose.storage.yaml")
OURS = {"swaptalk": "pipelines.cli.main:swaptalk", "dagster": "dagster._cli:cli"} | {
    "dagster-webserver": "dagster_webserver.cli:dagster_webserver",
    "dagster-daemon": "dagster._daemon.cli:cli",
    "ray": "ray.scripts.scripts:cli",
}
"""{program: its click command}"""
FOREIGN_NAMES = re.compile(r"(AWS|RAY|DAGSTER|PG|POSTGRES|MINIO_ROOT)_?[A-Za-z0-9_]+")
needs_storage = pytest.mark.skipif(
    not (ROOT / "swaptalk_models/data/store/storage_address.py").is_file(),
    reason="homes on a storage are not in this tree",
)


def read(name: str) -> dict:
    return yaml.safe_load((DEPLOY / name).read_text())


def services() -> list[tuple[str, str, dict]]:
    return [(name, service, said) for name in COMPOSE for service, said in read(name)["services"].items()]


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_files_fit_their_schema(name: str):
    jsonschema = pytest.importorskip("jsonschema")
    package = pytest.importorskip(
        "check_jsonschema", reason="its schemas are not installed: pip install check-jsonschema"
    )
    vendored = importlib.resources.files(package) / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    jsonschema.validate(read(name), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(read(name) | {"services": {"x": {"imag": "y"}}}, schema)


@pytest.mark.parametrize(
    ("name", "service", "said"), services(), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Serve
def test_what_a_service_starts_is_a_command_with_these_options(name: str, service: str, said: dict):
    words = [str(word) for word in said.get("command", [])]
    if not words or words[0] not in OURS:
        assert not words or words[0] == "python" or "build" not in said, f"{service}: nobody knows {words[0]}"
        for path in words[1:] if words[:1] == ["python"] else []:
            assert (ROOT / path.removeprefix("/opt/swaptalk/")).is_file(), path
        return
    if words[0] == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
    check_words(words)
    test = said.get("healthcheck", {}).get("test", [])
    if test[1:3] == ["python", "-c"]:
        compile(test[3], service, "exec")
    elif test:
        check_words(test[1:])


def check_words(words: list[str]) -> None:
    """Follow the words through the program's commands down to one; its options must exist, and take such values."""
    module, name = OURS[words[0]].split(":")
    command, rest = getattr(importlib.import_module(module), name), words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest[0])
        assert found, f"{words}: no command {rest[0]}"
        command, rest = found, rest[1:]
    command.make_parser(click.Context(command)).parse_args([*rest])


@pytest.mark.parametrize("name", [COMPOSE[0], pytest.param(COMPOSE[1], marks=needs_storage)])
def test_variables_are_those_that_our_code_reads(name: str):
    code = "\n".join(
        path.read_text() for room in ("assets", "pipelines", "swaptalk_models") for path in (ROOT / room).rglob("*.py")
    )
    for service, said in read(name)["services"].items():
        for variable in said.get("environment", {}):
            assert FOREIGN_NAMES.fullmatch(variable) or f'"{variable}"' in code, f"{service}: nothing reads {variable}"


@pytest.mark.parametrize("name", COMPOSE)
def test_secrets_are_of_the_environment_and_have_no_default(name: str):
    text = (DEPLOY / name).read_text()
    for line in text.splitlines():
        if re.search(r"^\s*\w*(PASSWORD|TOKEN|SECRET|ACCESS_KEY)\w*: ", line):
            assert re.search(r": \$\{[A-Z0-9_]+:\?.+\}$", line), line
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "env.example").read_text().splitlines()
        if "=" in line[:30] and line[0] != "#"
    )
    assert asked <= example.keys() and not any(example.values())
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT, check=False).returncode == 0


def test_only_the_ui_is_reached_from_outside_and_only_from_this_machine():
    compose = read("compose.yaml")
    published = {name: said["ports"] for name, said in compose["services"].items() if "ports" in said}
    assert published == {"web": ["127.0.0.1:3000:3000"]}
    assert compose["networks"]["private"] == {"internal": True}
    alone = {name for name, said in compose["services"].items() if said["networks"] == ["private"]}
    assert alone == {"postgres", "ray-head", "ray-worker", "prepare", "daemon"}
    assert "ports" not in str(read("compose.storage.yaml"))


def test_hosts_of_ray_share_no_file_system_with_the_driver():
    compose = read("compose.yaml")["services"]
    with_home = {
        name for name, said in compose.items() if any("home:" in str(volume) for volume in said.get("volumes", []))
    }
    assert with_home == {"prepare", "code", "web", "daemon", "demo"}
    assert compose["ray-worker"]["deploy"]["replicas"] == 2 and "--num-cpus=0" in compose["ray-head"]["command"]


def test_rays_store_of_objects_fits_into_shared_memory():
    """Where it does not, Ray takes the disk instead, and says so in a log alone."""
    units = {"gb": 2**30, "Gi": 2**30}
    for service, said in read("compose.yaml")["services"].items():
        if "RAY_AUTH_TOKEN" in said.get("environment", {}):
            shared = int(said["shm_size"][:-2]) * units[said["shm_size"][-2:]]
            assert int(said["environment"]["RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES"]) < 0.95 * shared, service
    spec = read("kubernetes/raycluster.yaml")["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        memory = pod["containers"][0]["resources"]["limits"]["memory"]
        (shared,) = (volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "shm")
        assert 0.3 * int(memory[:-2]) < 0.95 * int(shared[:-2]) and {memory[-2:], shared[-2:]} == {"Gi"}


def test_containers_end_when_they_are_told_to_and_checks_cost_little():
    """As process 1 a program without a handler does not see SIGTERM; a check starts Python with all of Ray's or Dagster's modules."""
    for service, said in read("compose.yaml")["services"].items():
        assert said.get("init") or "build" not in said, service
        if "build" in said and "healthcheck" in said:
            assert int(said["healthcheck"]["interval"][:-1]) >= 30 and "start_period" in said["healthcheck"], service


def test_services_wait_for_services_that_are_there_and_say_when_they_are_ready():
    both: dict[str, dict] = {}
    for name in COMPOSE:
        for service, said in read(name)["services"].items():
            both[service] = both.get(service, {}) | said
    assert all("healthcheck" in both[name] for name in ("code", "web")), "`up --wait` ends when they answer"
    for service, said in both.items():
        for other, wanted in said.get("depends_on", {}).items():
            assert other in both, f"{service} waits for {other}"
            assert wanted["condition"] != "service_healthy" or "healthcheck" in both[other], other


def test_the_image_has_what_the_services_need():
    text = (DEPLOY / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for path in source.split():
            assert (ROOT / path).exists(), path
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {path for source in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for path in source.split()}
    assert copied == {line[1:] for line in ignored if line[0] == "!"} and "*" in ignored
    extras = re.search(r"^ARG EXTRAS=(.+)$", text, re.MULTILINE)[1].split(",")
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)
    assert re.search(r"^USER swaptalk$", text, re.MULTILINE), "nothing runs as root"
    assert os.access(DEPLOY / "join.sh", os.X_OK)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Serve
def test_a_container_joins_the_cluster_before_it_drives(tmp_path: Path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
    script = (DEPLOY / "join.sh").read_text()
    check_words(re.search(r"until (ray start .+?) >", script)[1].split())
    (tmp_path / "ray").write_text("#!/bin/sh\necho joined $1 >&2\n")
    (tmp_path / "ray").chmod(0o755)
    for address, said in (("", ""), ("head:6379", "joined start\n")):
        with_ray = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RAY_ADDRESS": address}
        done = subprocess.run(
            [DEPLOY / "join.sh", "echo", "on"], env=with_ray, capture_output=True, text=True, check=True
        )
        assert (done.stderr, done.stdout) == (said, "on\n")


def test_a_container_joins_again_when_its_cluster_has_started_anew(tmp_path: Path):
    (tmp_path / "ray").write_text(f"#!/bin/sh\necho joined >> {tmp_path}/log\n")
    (tmp_path / "ray").chmod(0o755)
    (tmp_path / "grep").write_text(f"#!/bin/sh\n[ -f {tmp_path}/lives ]\n")  # whether this host has a raylet
    (tmp_path / "grep").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RAY_ADDRESS": "head:6379", "REJOIN_S": "0.2"}
    (tmp_path / "lives").touch()
    with subprocess.Popen([DEPLOY / "join.sh", "sleep", "60"], env=environment) as started:
        try:
            time.sleep(2)
            assert (tmp_path / "log").read_text() == "joined\n", "once, as long as it lives"
            (tmp_path / "lives").unlink()
            end = time.monotonic() + 30
            while (tmp_path / "log").read_text().count("joined") < 2:
                assert time.monotonic() < end
                time.sleep(0.1)
        finally:
            started.kill()
    time.sleep(2)
    joined = (tmp_path / "log").read_text()
    time.sleep(1)
    assert (tmp_path / "log").read_text() == joined, "and no longer than its command"


@pytest.mark.slow
def test_an_instance_is_prepared_twice(tmp_path: Path):
    environment = {k: v for k, v in os.environ.items() if k not in ("SWAPTALK_STATE", "SWAPTALK_STORAGE")}
    environment |= {"SWAPTALK_HOME": str(tmp_path / "home"), "DAGSTER_HOME": "/nowhere", "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, DEPLOY / "prepare.py"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / "home/dagster/dagster.yaml").read_text())["concurrency"]


@pytest.mark.slow
@needs_storage
def test_the_home_is_begun_on_the_storage_that_is_named(s3: str, tmp_path: Path):
    environment = os.environ | {"SWAPTALK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    environment |= {"SWAPTALK_STORAGE": s3}
    environment.pop("SWAPTALK_STATE", None)
    words = [
        sys.executable,
        "-c",
        "from pipelines.cli.main import main; main()",
        "storage",
        "--home",
        tmp_path / "home",
    ]
    for command in ([sys.executable, DEPLOY / "prepare.py"], words):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert s3 in done.stdout


@pytest.mark.parametrize("name", ["around.yaml", "raycluster.yaml"])
def test_kubernetes_files_fit_their_schemas(name: str):
    """RayCluster itself is KubeRay's: its pods are held against the schema of a Pod."""
    validate = pytest.importorskip("kubernetes_validate", reason="not installed: pip install kubernetes-validate")
    for said in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()):
        for one in pods(said) if said["kind"] == "RayCluster" else [said]:
            validate.validate(one, "1.30", strict=True)
            with pytest.raises(validate.ValidationError):
                validate.validate(one | {"speck": {}}, "1.30", strict=True)


def pods(cluster: dict) -> list[dict]:
    spec = cluster["spec"]
    assert spec.keys() == {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}} | group["template"] for group in groups]


def test_the_clusters_ray_is_the_tested_one_and_wants_a_token():
    spec = read("kubernetes/raycluster.yaml")["spec"]
    assert f"ray=={spec['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert spec["authOptions"] == {"mode": "token", "secretName": "ray-token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"


def test_the_charts_values_drive_that_cluster():
    values = read("kubernetes/dagster-values.yaml")
    (code,) = values["dagster-user-deployments"]["deployments"]
    check_words(["dagster", "api", "grpc", *code["dagsterApiGrpcArgs"]])
    named = {variable["name"]: variable["value"] for variable in code["env"]}
    assert named["RAY_ADDRESS"].startswith(f"{read('kubernetes/raycluster.yaml')['metadata']['name']}-head-svc:")
    assert not any(re.search("PASSWORD|TOKEN|SECRET", name) for name in named), "secrets are the cluster's Secret's"
    claim = next(iter(yaml.safe_load_all((DEPLOY / "kubernetes/around.yaml").read_text())))
    assert code["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert values["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"
