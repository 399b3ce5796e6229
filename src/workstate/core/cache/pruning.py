"""Removes entries from the table that nobody can find any more."""

from __future__ import annotations

import time

from django.db import router, transaction
from django.db.models import Q

from workstate.core.cache.models import CacheEntry, CacheRegime


def prune_entries(limit: int) -> int:
    """Delete at most so many entries that have expired or whose epoch has ended; return how many.

    It is asked again at the deletion, because a key may have been set anew in between.
    """
    current = CacheRegime.objects.values("epoch")
    is_over = Q(expires_at__lte=time.time()) | (~Q(epoch="") & ~Q(epoch__in=current))
    with transaction.atomic(using=router.db_for_write(CacheEntry)):
        keys = list(CacheEntry.objects.filter(is_over).values_list("key", flat=True)[:limit])
        count, _ = CacheEntry.objects.filter(is_over, key__in=keys).delete()
    return count
