"""Times in the database, and how models are shown."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, select, text

from lback_cli.models import Group, Purpose, Token, User
from lback_cli.models.tables import UtcDateTime

MOMENTS = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("moment", UtcDateTime))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.none() | st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES))  # noqa: DTZ001
def test_time_of_any_zone_is_returned_in_utc(moment: datetime | None) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        MOMENTS.create(connection)
        connection.execute(MOMENTS.insert().values(moment=moment))
        found = connection.execute(select(MOMENTS.c.moment)).scalar_one()
        raw = connection.execute(text("SELECT moment FROM moments")).scalar_one()
    engine.dispose()
    assert found == moment
    if found is not None:
        assert found.tzinfo is UTC
        assert raw == found.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")


@given(
    st.lists(
        st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES),  # noqa: DTZ001
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_times_are_compared_and_sorted_across_zones(moments: list[datetime]) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        MOMENTS.create(connection)
        connection.execute(MOMENTS.insert(), [{"moment": moment} for moment in moments])
        after = connection.scalars(select(MOMENTS.c.moment).where(MOMENTS.c.moment >= moments[0])).all()
        ordered = connection.scalars(select(MOMENTS.c.moment).order_by(MOMENTS.c.moment)).all()
    engine.dispose()
    assert sorted(after) == sorted(moment for moment in moments if moment >= moments[0])
    assert list(ordered) == sorted(moments)


def test_repr_shows_no_secret() -> None:
    user = User(id=7, username="ann", email="ann@example.org", password_hash="canary", auth_token="canary")
    token = Token(id=3, user_id=7, purpose=Purpose.RESET_PASSWORD, digest="canary", email="ann@example.org")
    assert repr(user) == "User(id=7, username='ann')"
    assert repr(token) == "Token(id=3, user_id=7, purpose=<Purpose.RESET_PASSWORD: 'reset_password'>)"
    assert repr(Group(id=1, name="staff")) == "Group(id=1, name='staff')"
