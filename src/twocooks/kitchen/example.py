"""What ``kitchen --new`` writes: a dinner that works, with every key explained."""

TEXT = '''\
# A dinner for: twocooks kitchen THIS_FILE       (twocooks kitchen --show THIS_FILE does not cook)
[dinner]
name    = "My dinner"
says    = "One line of story."
teaches = "What somebody learns from it."
minute  = 0.1                  # seconds that a kitchen minute lasts: 0.04 to 0.2 is good
order   = "first"              # whom a free cook takes: "first", "urgent" (burns first), "longest"
# at_once = 3                  # at most so many dishes on the go

[cooks]
you    = {}
friend = { guest = true }      # comes only in the "with a friend" modes

[tools]                        # how many there are
pan = 1

[[dish]]
name  = "soup"
steps = [
  { do = "cut", hands = 2 },                          # a cook's hands; can be set down each minute
  { do = "boil", wait = 4, burns = 6 },               # needs nobody; the next step by minute 6
  { do = "season", hands = 1, only = "you" },         # only this cook may do it
]

[[dish]]
name  = "eggs"
# copies  = 2                  # makes "eggs 1" and "eggs 2"
# arrives = 3                  # can be begun from minute 3 on (copies: one every 3 minutes)
# after   = ["soup.cut"]       # later than a dish, or than a step of it
steps = [
  { do = "beat", hands = 1, pieces = 1 },             # pieces = 1: cannot be set down
  { do = "heat", wait = 1, takes = ["pan"] },         # takes ... returns: held over several steps
  { repeat = 2, steps = [ { do = "stir", hands = 1 }, { do = "set", wait = 1 } ] },
  { do = "serve", hands = 1, returns = ["pan"] },     # uses = ["pan"]: only during this step
]
'''
