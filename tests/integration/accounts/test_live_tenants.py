"""Nobody hears anything of another organisation, nor of their own once they have left it, over any connection."""

from __future__ import annotations

import json
from datetime import date

import pytest
from asgiref.sync import sync_to_async

from live_clients import Client, StreamClient, make_person, open_session, publish
from real_databases import BOTH_DATABASES
from workstate.apps.accounts import services
from workstate.apps.accounts.models import Membership, Organisation
from workstate.apps.time_tracking.models import Export, Import
from workstate.core.live.hub import stop_hub
from workstate.core.live.socket_codes import CloseCode

pytestmark = [BOTH_DATABASES, pytest.mark.parametrize("open_connection", ["socket", "stream"], indirect=True)]

TODAY = date(2026, 6, 1)


@pytest.fixture
def join(database):
    def join(organisation: Organisation, email: str, role: Membership.Role = Membership.Role.MEMBER) -> Membership:
        return Membership.objects.create(organisation=organisation, user=make_person(email), role=role)

    return join


@pytest.fixture
def own(database):
    return Organisation.objects.create(name="Northside Facilities")


@pytest.fixture
def foreign(database):
    return Organisation.objects.create(name="Southbank Care")


@pytest.fixture
def member(join, own):
    join(own, "amina@example.com", Membership.Role.ADMINISTRATOR)
    return join(own, "tom@example.com")


@pytest.fixture
def stranger(join, foreign):
    return join(foreign, "eve@example.com", Membership.Role.ADMINISTRATOR)


@pytest.fixture
async def open_connection(request, database):
    """Open a connection of a person that asks for streams; all are closed at the end."""
    opened = []

    async def open_socket(session_key: str, streams: tuple[str, ...]) -> Client:
        client = Client("/ws/live/", session_key)
        await client.open()
        await client.send(text=json.dumps({"subscribe": dict.fromkeys(streams)}))
        return client

    async def open_stream(session_key: str, streams: tuple[str, ...]) -> StreamClient:
        client = StreamClient("&".join(f"{stream}=" for stream in streams), session_key)
        await client.open()
        return client

    async def open_connection(membership: Membership, *streams: str) -> Client | StreamClient:
        session_key = await sync_to_async(open_session)(membership.user)
        opened.append(await {"socket": open_socket, "stream": open_stream}[request.param](session_key, streams))
        return opened[-1]

    yield open_connection
    for client in opened:
        await client.disconnect()
    await stop_hub()


broadcast = sync_to_async(services.broadcast)


async def hear_refused(client) -> str:
    message = await client.hear()
    assert message["refused"], message
    return message["stream"]


async def test_stranger_is_refused_every_stream_of_another_organisation(member, stranger, own, open_connection):
    export = await Export.objects.acreate(
        first_day=TODAY, last_day=TODAY, organisation=own, person=member.user, task_id="export-1"
    )
    streams = (
        f"organisation:{own.pk}",
        f"user:{member.user_id}",
        f"job:{export.task_id}",
        "job:",
        "job:unknown",
        "operations",
    )
    client = await open_connection(stranger, *streams)
    assert {await hear_refused(client) for _ in streams} == set(streams)
    await broadcast(organisation=own, type="ticket.closed", data={"ticket": 1})
    await publish(f"user:{member.user_id}", "timer.started", {})
    await publish("job:export-1", "job.completed", {})
    await publish("operations", "queue.paused", {})
    assert await client.hear_nothing(0.2)


async def test_member_hears_what_is_broadcast_and_the_others_do_not(member, stranger, own, foreign, open_connection):
    here = await open_connection(member, f"organisation:{own.pk}")
    there = await open_connection(stranger, f"organisation:{foreign.pk}")
    assert (await here.hear())["recovered"]
    assert (await there.hear())["recovered"]
    await broadcast(organisation=own, type="ticket.closed", data={"ticket": 1})
    assert (await here.hear())["data"] == {"ticket": 1}
    await broadcast(organisation=foreign, type="ticket.closed", data={"ticket": 2})
    assert (await there.hear())["data"] == {"ticket": 2}


async def test_person_follows_the_jobs_of_their_own_imports_and_exports(member, own, open_connection):
    colleague = await Membership.objects.select_related("user").aget(organisation=own, role="administrator")
    await Import.objects.acreate(file_size=1, organisation=own, person=member.user, task_id="import-1")
    await Export.objects.acreate(
        first_day=TODAY, last_day=TODAY, organisation=own, person=colleague.user, task_id="export-1"
    )
    client = await open_connection(member, "job:import-1", "job:export-1")
    told = {message["stream"]: message for message in [await client.hear(), await client.hear()]}
    assert told["job:import-1"]["recovered"]
    assert told["job:export-1"]["refused"]


async def test_person_who_leaves_the_organisation_hears_no_more_of_it(member, own, open_connection):
    stream = f"organisation:{own.pk}"
    client = await open_connection(member, stream)
    assert (await client.hear())["recovered"]
    await sync_to_async(services.remove_member)(membership=member)
    assert await hear_refused(client) == stream
    await broadcast(organisation=own, type="ticket.closed", data={})
    assert await client.hear_nothing(0.2)


async def test_operator_follows_operations_until_that_right_is_gone(member, open_connection):
    member.user.is_superuser = True
    await member.user.asave()
    client = await open_connection(member, "operations", "job:any")
    assert {(await client.hear())["stream"] for _ in range(2)} == {"operations", "job:any"}
    await publish("operations", "queue.paused", {"queue": "mail"})
    assert (await client.hear())["data"] == {"queue": "mail"}
    member.user.is_superuser = False
    await member.user.asave(update_fields=["is_superuser"])
    assert {await hear_refused(client) for _ in range(2)} == {"operations", "job:any"}


async def test_deactivated_person_is_sent_away(member, own, open_connection):
    client = await open_connection(member, f"organisation:{own.pk}")
    assert (await client.hear())["recovered"]
    member.user.is_active = False
    await member.user.asave()
    assert await client.hear_close() == CloseCode.SIGNED_OUT


async def test_deleted_person_is_sent_away(stranger, foreign, open_connection):
    client = await open_connection(stranger, f"organisation:{foreign.pk}")
    assert (await client.hear())["recovered"]
    await stranger.user.adelete()
    assert await client.hear_close() == CloseCode.SIGNED_OUT


async def test_person_whose_name_changes_is_not_checked_again(member, own, open_connection):
    client = await open_connection(member, f"organisation:{own.pk}")
    assert (await client.hear())["recovered"]
    member.user.first_name = "Thomas"
    await member.user.asave()
    await broadcast(organisation=own, type="ticket.closed", data={})
    assert (await client.hear())["type"] == "ticket.closed"
