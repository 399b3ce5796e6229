"""People, organisations and memberships."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from workstate.apps.accounts.querysets import MembershipQuerySet


class PersonManager(UserManager["User"]):
    """Makes people who sign in with their e-mail address."""

    def _create_user(self, _username: str | None, email: str | None, password: str | None, **extra: Any) -> User:
        if not email:
            msg = "A person needs an e-mail address: it is what they sign in with."
            raise ValueError(msg)
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:  # type: ignore[override]
        """Make a person without rights of their own."""
        extra.setdefault("is_staff", False)
        extra.setdefault("is_superuser", False)
        return self._create_user(None, email, password, **extra)

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:  # type: ignore[override]
        """Make an operator of the whole installation."""
        extra.update(is_staff=True, is_superuser=True)
        return self._create_user(None, email, password, **extra)


class User(AbstractUser):
    """A person who signs in by e-mail address."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="An IANA name; a day is this person's day.")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []

    objects: ClassVar[PersonManager] = PersonManager()

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class Organisation(models.Model):
    """A team whose people and work belong together; nothing is seen across organisations."""

    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="organisations")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """That a person belongs to an organisation, and what they may do there."""

    class Role(models.TextChoices):
        """From the fewest rights to the most."""

        MEMBER = "member"
        MANAGER = "manager"
        ADMINISTRATOR = "administrator"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=13, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "user"], name="accounts_one_membership_each"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation} as {self.role}"

    @property
    def is_administrator(self) -> bool:
        """Whether this person may change the team."""
        return self.role == self.Role.ADMINISTRATOR

    @property
    def is_manager(self) -> bool:
        """Whether this person may see the work of others; administrators may, too."""
        return self.role in {self.Role.MANAGER, self.Role.ADMINISTRATOR}
