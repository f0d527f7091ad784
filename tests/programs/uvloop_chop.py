"""One cook and four dishes on uvloop."""

import uvloop
from async_chop import main

if __name__ == "__main__":
    uvloop.run(main())
