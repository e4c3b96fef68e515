from tools.generate_client import generated


def test_the_generated_parts_of_the_client_are_up_to_date() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make client`"
