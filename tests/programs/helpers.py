"""One task computes; a helper thread of the standard library hums beside it."""

import logging
import logging.handlers
import queue

from work import burn

if __name__ == "__main__":
    lines: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(lines, logging.NullHandler())
    listener.start()
    logger = logging.getLogger("soup")
    logger.addHandler(logging.handlers.QueueHandler(lines))
    logger.setLevel(logging.INFO)
    for n in range(6):
        logger.info("stirred %d times", n)
        burn(0.1)
    listener.stop()
    print("soup")
