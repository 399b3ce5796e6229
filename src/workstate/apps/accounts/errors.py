"""What can go wrong with people and their rights; the message is what the person reads."""

from __future__ import annotations


class AccountsError(Exception):
    """Something that a person asked of the accounts can't be done."""


class LastAdministratorError(AccountsError):
    """The organisation would be left without anyone who can administer it."""

    def __init__(self) -> None:
        super().__init__(
            "This is the last administrator who can sign in. Make someone else an administrator first.",
        )


class AlreadyMemberError(AccountsError):
    """The person who is invited belongs to the organisation already."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} belongs to the team already.")
        self.email = email


class SignInLinkRefusedError(AccountsError):
    """A link would give an administrator more than the rights they have: the message says which."""
