"""Two named blocks, one after the other, in one thread."""

from work import burn

import twocooks

if __name__ == "__main__":
    with twocooks.task("rice"):
        burn(0.3)
    with twocooks.task("onions"):
        burn(0.3)
    print("rice and onions")
