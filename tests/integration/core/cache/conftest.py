from __future__ import annotations

from caches import cache, redis_url, shared_redis

__all__ = ["cache", "redis_url", "shared_redis"]
