"""Text from outside: user names, e-mail addresses, times, and safe output to terminals and shells."""
