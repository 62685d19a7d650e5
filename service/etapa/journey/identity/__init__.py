"""Two ids that turn out to be one person: which id is kept, and one customer made of two.

Details that the journey file's page leaves open:

- A link joins the people that its two ids stand for by then, whoever was joined to them before. Of all links of a person the earliest
  that hold it together count, by (`occurred_at`, id moved, id kept). Taken in that order, each moves everybody under one id to the other.
  So neither the order of arrival nor repeats make a difference to which id is kept; an earlier link that comes late may change it.
- A link between two ids that are one person already changes nothing. If it says the reverse of what counts, it would close a circle and is
  refused (`link_cycle`).
- Whether both are known is decided when the link arrives, and not again.
- A link is nothing that the customer did: it counts for no condition, and moves no clock.
- `replay` judges all touchpoints of both anew, in the order in which they arrived, as if they had always had one id. If some are no longer
  remembered, the stage is found as by `furthest`.
- Nobody takes back what was sent. So what campaigns did is united and never replayed: the latest trigger of each, caps, held triggers and
  open goals of both. A replay triggers nothing.
- The united customer's last published stage is that of the id that is kept. If the stage is another one now, one change with the cause
  `link` says so, dated with the customer's clock. With `furthest` and `keep` the rules are then judged once, since the united memory may
  make one of them true; these changes have the cause `link` too.
"""
