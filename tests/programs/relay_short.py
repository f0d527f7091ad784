"""``relay_pipes`` with pieces of four milliseconds: about half of the waits are too short for a
look in their turn."""

from relay_pipes import relay

if __name__ == "__main__":
    relay(60, 0.004)
