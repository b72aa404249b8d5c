"""What keeps names, passwords, tokens and terminals safe."""
