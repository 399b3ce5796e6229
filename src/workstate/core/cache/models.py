"""What the database knows of caches: which regime each is under, and the entries of its second level."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CacheRegime(models.Model):
    """Which tier carries a cache, and under which epoch; one row for each cache."""

    class Carrier(models.TextChoices):
        """The tiers."""

        REDIS = "redis"
        DATABASE = "database"

    name = models.CharField(primary_key=True, max_length=127)
    carrier = models.CharField(max_length=8, choices=Carrier)
    epoch = models.CharField(max_length=32, help_text="Every key begins with it; never used twice.")
    server = models.CharField(max_length=127, help_text="Which run of Redis the epoch belongs to.")
    beats = models.BigIntegerField(default=0, help_text="Counts on while some process can't reach Redis.")
    since = models.DateTimeField(help_text="When the carrier changed last.")

    class Meta:
        db_table = "workstate_cache_regime"

    def __str__(self) -> str:
        return f"{self.name} in {self.carrier} under {self.epoch}"


class CacheEntry(models.Model):
    """An entry of a cache that the database carries."""

    key = models.TextField(primary_key=True)
    epoch = models.CharField(max_length=32, help_text="The one that the key begins with; empty for durable entries.")
    payload = models.BinaryField()
    expires_at = models.FloatField(null=True, help_text="Unix time in seconds; null is never.")

    class Meta:
        db_table = "workstate_cache_entry"
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"], name="workstate_cache_expiry", condition=models.Q(expires_at__isnull=False)
            ),
            models.Index(fields=["epoch"], name="workstate_cache_epoch"),
        ]

    def __str__(self) -> str:
        return self.key
