"""One task that computes."""

from work import burn

if __name__ == "__main__":
    burn(0.6)
    print("one pot of soup")
