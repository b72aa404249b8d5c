"""Text from outside: user names, e-mail addresses and times, and safe output to terminals and shells."""
