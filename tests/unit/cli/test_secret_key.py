from pathlib import Path

import pytest
from pydantic import SecretStr

from service.cli.beside import with_secret_key
from service.errors import Refused
from service.settings import Settings


def test_beside_an_embedded_database_the_key_is_made_once_and_kept_to_us(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new" / "folder")
    first = with_secret_key(settings).secret_key
    assert first is not None
    assert len(first.get_secret_value()) >= 40
    assert with_secret_key(settings).secret_key == first
    assert (settings.data / "secret.key").stat().st_mode & 0o777 == 0o600


def test_with_an_external_database_it_must_be_given(tmp_path: Path) -> None:
    external = Settings(data=tmp_path, database_url=SecretStr("postgresql://db/muster"))
    with pytest.raises(Refused, match="MUSTER_SECRET_KEY"):
        with_secret_key(external)
    given = external.model_copy(update={"secret_key": SecretStr("ours")})
    assert with_secret_key(given) is given
    assert list(tmp_path.iterdir()) == []
