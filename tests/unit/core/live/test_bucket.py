from __future__ import annotations

from workstate.core.live.bucket import TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def take_all(bucket: TokenBucket) -> int:
    count = 0
    while bucket.take():
        count += 1
    return count


def test_burst_is_as_large_as_the_bucket():
    assert take_all(TokenBucket(5, 2, Clock())) == 5


def test_tokens_come_back_with_time_and_never_more_than_it_holds():
    clock = Clock()
    bucket = TokenBucket(5, 2, clock)
    take_all(bucket)
    clock.now += 1
    assert take_all(bucket) == 2
    clock.now += 0.25
    assert take_all(bucket) == 0
    clock.now += 0.25
    assert take_all(bucket) == 1
    clock.now += 1000
    assert take_all(bucket) == 5
