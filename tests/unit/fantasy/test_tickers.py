"""Which ticker a name gets, and which strings are tickers."""

import pytest

from waiver_exchange.fantasy.tickers import NAMESAKES_MAX, TickerError, assign_ticker, is_ticker


def test_first_holder_of_a_surname_gets_the_bare_surname() -> None:
    assert assign_ticker("Patrick Mahomes", ()) == "MAHOMES"


def test_two_allens_get_initial_and_surname() -> None:
    taken = {"ALLEN"}
    josh = assign_ticker("Josh Allen", taken)
    keenan = assign_ticker("Keenan Allen", taken | {josh})
    assert (josh, keenan) == ("JALLEN", "KALLEN")


def test_namesakes_with_the_same_initial_are_numbered_from_two() -> None:
    taken = ["ALLEN", "JALLEN"]
    taken.append(assign_ticker("Jonathan Allen", taken))
    taken.append(assign_ticker("Javorius Allen", taken))
    assert taken[2:] == ["JALLEN2", "JALLEN3"]


@pytest.mark.parametrize(
    ("name", "ticker"),
    [
        ("AMON-RA ST. BROWN", "STBROWN"),
        ("Jaxon Smith-Njigba", "SMITHNJIGBA"),
        ("Pat O'Connell", "OCONNELL"),
        ("Pat O\u2019Connell", "OCONNELL"),
        ("J.K. Dobbins", "DOBBINS"),
        ("  Joe   Burrow ", "BURROW"),
    ],
)
def test_punctuation_and_spaces_are_dropped(name: str, ticker: str) -> None:
    assert assign_ticker(name, ()) == ticker


@pytest.mark.parametrize("suffix", ["Jr.", "Jr", "Sr.", "II", "III", "IV", "iii"])
def test_generation_suffix_is_dropped(suffix: str) -> None:
    assert assign_ticker(f"Marvin Harrison {suffix}", ()) == "HARRISON"


@pytest.mark.parametrize(
    ("name", "ticker"),
    [("José Núñez", "NUNEZ"), ("Bjørn Ødegård", "ODEGARD"), ("Jan Wałęsa", "WALESA"), ("Karl Groß", "GROSS")],
)
def test_accents_are_folded(name: str, ticker: str) -> None:
    assert assign_ticker(name, ()) == ticker


def test_apostrophe_in_the_given_name_does_not_change_the_initial() -> None:
    assert assign_ticker("D'Andre Swift", {"SWIFT"}) == "DSWIFT"


def test_name_of_one_word_is_its_own_surname() -> None:
    assert assign_ticker("Ronaldinho", ()) == "RONALDINHO"
    assert assign_ticker("Ronaldinho", {"RONALDINHO"}) == "RONALDINHO2"


def test_suffix_alone_behind_no_name_is_kept() -> None:
    assert assign_ticker("Jr.", ()) == "JR"


def test_long_surname_is_cut_to_twenty_characters_with_room_for_the_number() -> None:
    name = "Ali Abcdefghijklmnopqrstuvwxyz"
    first = assign_ticker(name, ())
    second = assign_ticker(name, {first})
    third = assign_ticker(name, {first, second})
    assert (first, second, third) == ("ABCDEFGHIJKLMNOPQRST", "AABCDEFGHIJKLMNOPQRS", "AABCDEFGHIJKLMNOPQR2")


def test_surname_ending_in_usd_gets_a_number() -> None:
    assert assign_ticker("Ann Kusd", ()) == "AKUSD2"


def test_surname_cut_to_an_ending_in_usd_moves_on_to_the_initial() -> None:
    assert assign_ticker("Ann Abcdefghijklmnopqusdxyz", ()) == "AABCDEFGHIJKLMNOPQUS"


@pytest.mark.parametrize("name", ["", "   ", "'-.", "李 小龍"])
def test_name_without_latin_letters_is_an_error(name: str) -> None:
    with pytest.raises(TickerError, match="no letter"):
        assign_ticker(name, ())


def test_running_out_of_numbers_is_an_error() -> None:
    taken = {"ALLEN", "JALLEN"} | {f"JALLEN{number}" for number in range(2, NAMESAKES_MAX + 1)}
    with pytest.raises(TickerError, match="are taken"):
        assign_ticker("Josh Allen", taken)


@pytest.mark.parametrize("symbol", ["A", "MAHOMES", "JALLEN2", "ST.BROWN", "49ERS", "A" * 20, "USDA"])
def test_valid_ticker_is_accepted(symbol: str) -> None:
    assert is_ticker(symbol)


@pytest.mark.parametrize("symbol", ["", ".A", "allen", "A B", "A-B", "A/USD", "BTCUSD", "USD", "A" * 21, "A\n", "Á"])
def test_invalid_ticker_is_refused(symbol: str) -> None:
    assert not is_ticker(symbol)
