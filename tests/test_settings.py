"""Where settings come from, and what a stranger's project file cannot do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.errors import SettingInvalid
from hailuo_nb.settings import READERS, TIERS, WAVESPEED_URL, Settings, load


def project(folder: Path, text: str) -> Path:
    """Write a pyproject.toml with a table of ours."""
    file = folder / "pyproject.toml"
    file.write_text(f"[tool.hailuo_nb]\n{text}\n", "utf-8")
    return file


def test_the_defaults_are_the_contracts() -> None:
    """Without anything set, the contract's values hold."""
    now = load(environ={})
    assert now == Settings()
    assert (now.variant, now.dir, now.budget_usd, now.max_clips) == ("t2v-standard", "hailuo", None, 16)
    assert (now.confirm_above_usd, now.tier, now.cache) == (Decimal("1.00"), "bronze", True)
    assert (now.simulator_speed, now.simulator_tier, now.resume) == (10, "silver", "auto")
    assert now.sources == {}


def test_the_order_is_argument_config_environment_project_default(tmp_path: Path) -> None:
    """Each place beats the ones behind it, and the source is told."""
    file = project(tmp_path, 'max_clips = 1\nvariant = "t2v-pro"')
    layers = (
        ({"max_clips": 4}, {"max_clips": 3}, {"HAILUO_MAX_CLIPS": "2"}, 4, "argument"),
        ({}, {"max_clips": 3}, {"HAILUO_MAX_CLIPS": "2"}, 3, "%config"),
        ({}, {}, {"HAILUO_MAX_CLIPS": "2"}, 2, "environment"),
        ({}, {}, {}, 1, "pyproject.toml"),
    )
    for arguments, config, environ, expected, source in layers:
        now = load(arguments=arguments, config=config, environ=environ, project_file=file)
        assert (now.max_clips, now.sources["max_clips"]) == (expected, source)
        assert now.variant == "t2v-pro"


def test_every_setting_can_be_said_in_the_environment() -> None:
    """HAILUO_<NAME> is read for each setting but the address."""
    said = {
        "variant": "t2v-pro",
        "dir": "out/clips",
        "budget_usd": "$2.50",
        "confirm_above_usd": "0",
        "max_clips": "200",
        "tier": "Gold",
        "videos_per_minute": "60",
        "concurrency": "none",
        "cache": "off",
        "simulator_speed": "1e2",
        "simulator_tier": "bronze",
        "resume": "ask",
        "service": "simulator",
    }
    assert said.keys() == READERS.keys() - {"base_url"}
    now = load(environ={f"HAILUO_{name.upper()}": value for name, value in said.items()})
    assert now.sources == dict.fromkeys(said, "environment")
    assert (now.budget_usd, now.tier, now.concurrency, now.cache) == (Decimal("2.50"), "gold", None, False)
    assert (now.simulator_speed, now.service, now.dir) == (100.0, "simulator", "out/clips")


BAD = {
    "budget_usd": ["-1", "nan", "Infinity", "two", "1e99", "1,5"],
    "confirm_above_usd": ["none", "-0.01", ""],
    "max_clips": ["0", "-1", "1.5", "many", "9" * 5000, True],
    "videos_per_minute": ["0", "2.0"],
    "tier": ["platinum", ""],
    "cache": ["maybe", "2"],
    "simulator_speed": ["0", "nan", "-1", "inf", "fast"],
    "resume": ["yes"],
    "service": ["replicate"],
    "dir": [
        "/tmp/x",
        "..",
        "a/../../b",
        ".hidden",
        "a/.b",
        "",
        ".",
        "~/x",
        "C:/x",
        "a\\..\\b",
        "a\0b",
        "x" * 201,
    ],
    "variant": ["", 3],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_value_that_means_nothing_is_one_line(name: str, value: object) -> None:
    """The line names the setting, where it was said, and what it takes."""
    with pytest.raises(SettingInvalid) as caught:
        load(config={name: value}, environ={})
    text = str(caught.value)
    assert text.startswith(f"Setting {name} (%config) is ")
    assert "it takes" in text
    assert "\n" not in text
    assert len(text) < 300


def test_a_wrong_name_gets_the_nearest_right_one(tmp_path: Path) -> None:
    """A typing error in a limit must not go unseen."""
    with pytest.raises(SettingInvalid, match="did you mean budget_usd"):
        load(environ={}, project_file=project(tmp_path, "budgt_usd = 3"))


def test_the_address_comes_from_the_process_environment_only(tmp_path: Path) -> None:
    """No %config, no argument, no project file and no name of ours says where the key goes."""
    elsewhere = "https://elsewhere.example"
    assert load(environ={"HAILUO_BASE_URL": elsewhere}).base_url == WAVESPEED_URL
    assert (
        load(environ={}, project_file=project(tmp_path, f'base_url = "{elsewhere}"')).base_url
        == WAVESPEED_URL
    )
    for place in ("arguments", "config"):
        with pytest.raises(SettingInvalid, match="WAVESPEED_BASE_URL"):
            load(environ={}, **{place: {"base_url": elsewhere}})  # type: ignore[arg-type]
    assert load(environ={"WAVESPEED_BASE_URL": elsewhere + "/"}).base_url == elsewhere


@pytest.mark.parametrize(
    "address",
    [
        "http://api.wavespeed.ai",
        "http://127.0.0.1.evil.example",
        "https://user@evil.example",
        "https://evil.example?x=1",
        "https://evil.example#x",
        "https://good.example\\@evil.example",
        "https://a b.example",
        "ftp://x.example",
        "https://",
        "//x.example",
        "https://x.example\nHost: y",
    ],
)
def test_an_address_is_https_or_this_machine(address: str) -> None:
    """Plain http elsewhere, user names, queries and tricks with backslashes are refused."""
    with pytest.raises(SettingInvalid, match="base_url"):
        load(environ={"WAVESPEED_BASE_URL": address})


def test_loopback_may_be_plain_http() -> None:
    """Tests and local stand-ins need no certificate."""
    for host in ("127.0.0.1:8765", "localhost:1", "[::1]:9"):
        assert load(environ={"WAVESPEED_BASE_URL": f"http://{host}"}).base_url == f"http://{host}"


STRANGERS = (
    "budget_usd = 100",
    "confirm_above_usd = 5",
    "max_clips = 17",
    "videos_per_minute = 3",
    "concurrency = 3",
    'tier = "silver"',
    "cache = false",
    'service = "wavespeed"',
    'base_url = "https://elsewhere.example"',
)


@pytest.mark.parametrize("line", STRANGERS)
def test_a_project_file_raises_no_limit_and_chooses_no_service(tmp_path: Path, line: str) -> None:
    """A stranger's file changes nothing that costs money, and what it wanted is told."""
    users = {"HAILUO_BUDGET_USD": "10"}
    now = load(environ=users, project_file=project(tmp_path, line))
    assert now == load(environ=users)
    assert now.ignored == (line.partition(" ")[0],)


def test_a_project_file_may_lower_limits_and_set_taste(tmp_path: Path) -> None:
    """A project can be more careful than its user, and choose what is only taste."""
    file = project(
        tmp_path,
        "budget_usd = 3.5\nconfirm_above_usd = 0\nmax_clips = 2\nvideos_per_minute = 1\nconcurrency = 1\n"
        'variant = "fast"\ndir = "out"\nsimulator_speed = 50\nresume = "off"\nsimulator_tier = "bronze"',
    )
    now = load(environ={}, project_file=file)
    assert (now.budget_usd, now.confirm_above_usd, now.max_clips) == (Decimal("3.5"), Decimal(0), 2)
    assert now.limits("wavespeed") == now.limits("simulator") == TIERS["bronze"].__class__(1, 1)
    assert (now.variant, now.dir, now.resume, now.simulator_speed) == ("fast", "out", "off", 50)
    assert now.ignored == ()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "budget_usd": st.decimals(0, 1000, places=2).map(str),
            "confirm_above_usd": st.decimals(0, 1000, places=2).map(str),
            "max_clips": st.integers(1, 10_000).map(str),
            "videos_per_minute": st.integers(1, 10_000).map(str),
            "concurrency": st.integers(1, 10_000).map(str),
            "tier": st.sampled_from(list(TIERS)),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "budget_usd": st.decimals(0, 1000, places=2),
            "confirm_above_usd": st.decimals(0, 1000, places=2),
            "max_clips": st.integers(1, 10_000),
            "videos_per_minute": st.integers(1, 10_000),
            "concurrency": st.integers(1, 10_000),
            "tier": st.sampled_from([f'"{tier}"' for tier in TIERS]),
        },
    ),
)
def test_no_mixture_of_project_values_raises_any_limit(
    tmp_path_factory: pytest.TempPathFactory, users: dict[str, str], strangers: dict[str, object]
) -> None:
    """Whatever the user set and a stranger wrote, no limit is above what it is without the stranger's file."""
    folder = tmp_path_factory.mktemp("project", numbered=True)
    environ = {f"HAILUO_{name.upper()}": value for name, value in users.items()}
    file = project(folder, "\n".join(f"{name} = {value}" for name, value in strangers.items()))
    alone, both = load(environ=environ), load(environ=environ, project_file=file)
    unlimited = Decimal(10**9)
    budgets = [unlimited if each.budget_usd is None else each.budget_usd for each in (both, alone)]
    assert budgets[0] <= budgets[1]
    assert both.confirm_above_usd <= alone.confirm_above_usd
    assert both.max_clips <= alone.max_clips
    mine, theirs = alone.limits("wavespeed"), both.limits("wavespeed")
    assert theirs.videos_per_minute <= mine.videos_per_minute
    assert theirs.concurrency <= mine.concurrency


@pytest.mark.parametrize(
    "text",
    [
        "[tool",
        "tool = 3\n[x",
        "a = " + "[" * 3000,
        "[tool.hailuo_nb]\nmax_clips = 'x'",
        "[tool]\nhailuo_nb = 3",
    ],
)
def test_a_project_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    """It may hold a limit, so it is no time to go on without it; no path of the machine shows."""
    file = tmp_path / "pyproject.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(SettingInvalid) as caught:
        load(environ={}, project_file=file)
    assert "pyproject.toml" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_project_file_without_our_table_is_nobodys_business(tmp_path: Path) -> None:
    """Most projects have never heard of us; even a strange `tool` is theirs."""
    file = tmp_path / "pyproject.toml"
    for text in ("", "tool = 3", "[tool.black]\nline-length = 3"):
        file.write_text(text, "utf-8")
        assert load(environ={}, project_file=file) == Settings()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingInvalid, match="cannot be read"):
        load(environ={}, project_file=file)
    assert load(environ={}, project_file=tmp_path / "none.toml") == Settings()


def test_the_simulator_keeps_to_its_own_tier() -> None:
    """Real limits above the simulated tier would only earn refusals; lower ones hold there too."""
    now = load(
        environ={"HAILUO_VIDEOS_PER_MINUTE": "4000", "HAILUO_CONCURRENCY": "7", "HAILUO_TIER": "ultra"}
    )
    assert (now.limits("wavespeed").videos_per_minute, now.limits("wavespeed").concurrency) == (4000, 7)
    assert (now.limits("simulator").videos_per_minute, now.limits("simulator").concurrency) == (500, 7)
    assert now.limits("simulator", simulated_tier="bronze") == TIERS["bronze"]
