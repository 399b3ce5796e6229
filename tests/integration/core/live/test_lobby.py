"""Places for connections: how many there are, that they are given back, and that all are sent away at the end."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from asgiref.sync import sync_to_async

from live_clients import Client, StreamClient, make_person, open_session
from workstate.core.live.lobby import lobby
from workstate.core.live.socket_codes import CloseCode

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def limits(settings):
    def set_limits(**limits: int) -> None:
        settings.WORKSTATE = {**settings.WORKSTATE, **limits}

    return set_limits


async def refusal(client: Client) -> int:
    await client.open()
    return await client.hear_close()


async def test_person_has_so_many_connections_of_either_kind(session_key, limits):
    limits(LIVE_CONNECTIONS_PER_PERSON=2)
    first, second = Client("/ws/live/", session_key), StreamClient("", session_key)
    await first.open()
    await second.open()
    assert await refusal(Client("/ws/timer/", session_key)) == CloseCode.TOO_MANY_CONNECTIONS
    assert await StreamClient("", session_key).connect() == HTTPStatus.TOO_MANY_REQUESTS
    other = Client("/ws/live/", await sync_to_async(open_session)(await sync_to_async(make_person)("b@example.com")))
    await other.open()
    for client in (first, second, other):
        await client.disconnect()


async def test_connection_that_ends_gives_its_place_back(session_key, limits):
    limits(LIVE_CONNECTIONS_PER_PERSON=1)
    for _ in range(3):
        for client in (Client("/ws/live/", session_key), StreamClient("", session_key)):
            await client.open()
            await client.disconnect()
    nonsense = Client("/ws/live/", session_key)
    await nonsense.open()
    await nonsense.send(text="nonsense")
    assert await nonsense.hear_close() == CloseCode.BAD_MESSAGE
    assert not lobby._connections
    assert not lobby._by_person
    assert not lobby._by_address


async def test_address_has_so_many_connections_whoever_it_is(session_key, limits):
    limits(LIVE_CONNECTIONS_PER_ADDRESS=1)
    other_key = await sync_to_async(open_session)(await sync_to_async(make_person)("b@example.com"))
    first = Client("/ws/live/", session_key)
    await first.open()
    assert await refusal(Client("/ws/live/", other_key)) == CloseCode.TOO_MANY_CONNECTIONS
    elsewhere = Client("/ws/live/", other_key, address_of_client="192.0.2.2")
    await elsewhere.open()
    await first.disconnect()
    await elsewhere.disconnect()


async def test_server_without_addresses_counts_people_alone(session_key, limits):
    limits(LIVE_CONNECTIONS_PER_ADDRESS=1)
    clients = [Client("/ws/live/", session_key, address_of_client="") for _ in range(3)]
    for client in clients:
        await client.open()
    for client in clients:
        await client.disconnect()


async def test_closed_lobby_sends_everybody_away_and_lets_nobody_in_until_it_opens(session_key):
    socket, stream = Client("/ws/live/", session_key), StreamClient("job:a=", session_key)
    await socket.open()
    await stream.open()
    assert (await stream.hear())["refused"]
    lobby.close()
    assert await socket.hear_close() == CloseCode.RESTARTING
    assert await stream.hear_close() == CloseCode.RESTARTING
    assert await refusal(Client("/ws/live/", session_key)) == CloseCode.RESTARTING
    assert await StreamClient("", session_key).connect() == HTTPStatus.SERVICE_UNAVAILABLE
    lobby.open()
    again = Client("/ws/live/", session_key)
    await again.open()
    await again.disconnect()
