"""People, organisations and what they may do in them; signing in is django-allauth's."""
