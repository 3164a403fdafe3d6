"""We eat what we serve: an SBOM of this very project, made by a tool of others, sent with the README's one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from serving import serving

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = "https://muster.example"


def curl_line() -> str:
    """Give the README's command, joined to one line."""
    readme = (REPOSITORY / "README.md").read_text()
    start = readme.index("curl --fail-with-body")
    return readme[start : readme.index("```", start)].replace("\\\n", " ")


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_one_line_uploads_an_sbom_of_this_project(fresh_database: str, tmp_path: Path) -> None:
    make = [sys.executable, "-m", "cyclonedx_py", "environment", "--of", "JSON", "-o", str(tmp_path / "sbom.json")]
    subprocess.run([*make, sys.executable], check=True, capture_output=True)
    with serving(fresh_database) as served:
        command = curl_line().replace(EXAMPLE, f"http://127.0.0.1:{served.port}")
        environment = os.environ | {"MUSTER_API_KEY": served.token}
        sent = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, check=True, capture_output=True)

        answer = json.loads(sent.stdout)
        assert (answer["product"], answer["version"], answer["duplicate"]) == ("payments-api", "1.4.2", False)
        assert answer["sbom"]["tool"] == "cyclonedx-py"
        assert answer["components"]["total"] > 50
        found = served.client.get("/v1/search", params={"q": "sqlalchemy"}).json()["items"]
        assert {item["product"] for item in found} == {"payments-api"}
