"""How one partition is processed exactly once, whatever dies in the middle. The theory of operation; the code follows it.

Nothing here knows a server, a setting or the time of day: Kafka, Redis and the clock are behind `ports`, and the simulation
runs this very code on ports of its own. Where the reasons are told at length: docs/decisions.

The log is the truth, the view follows
--------------------------------------
One task owns one partition of `touchpoints`. All that it writes goes to the same partition of the output topics. A batch
becomes real in one Kafka transaction; afterwards Redis is brought up to it. Losing Redis costs a rebuild, never a wrong or
repeated stage change.

The way of a batch (`tenure`)
-----------------------------
1. fetch     what is there, up to a bound; never waits for a batch to fill
2. decode    records into touchpoints; what cannot be used becomes a dead letter of this batch
3. load      states that are not in memory, timers that are due, and the view's mark, as of one moment
4. judge     in the order of offsets; pure, and the same however the stream is cut into batches
5. encode    stage changes, triggers, outcomes of goals, dead letters, states, pages of the ledger
6. settle    wait until the view shows the batch before
7. commit    one transaction: all of the above, the mark as the last record of `customer-state`, the group's offset
8. apply     to the view, in one step that names the mark it follows; meanwhile the next batch goes through 1 to 5

Where records go through a source, one may hold several touchpoints, or none (`intake`). A batch may end in the middle of one; the mark
then goes through the record before it, and says how much of this one is done.

The mark says how far a batch got: the last touchpoint, the stream time, the version of the journey, and in which topics (`belonging`):
one that is deleted and made anew has another id, and its offsets mean something else. Its offset in `customer-state` is what
batches, the view and takeovers name each other by.

Taking over (`takeover`)
------------------------
fence, read the view's mark, read the last mark in the log, refuse what is not ours, bring the view up to the log in chunks,
seek the touchpoint after the mark. From the fence on no predecessor can commit; what it had committed is read here.

The states of a partition (`task`)
----------------------------------
    state         ends with                                             goes to
    ------------  ----------------------------------------------------  ------------------------------------------
    taking over   the view shows the last mark                          ready
                  a port fails; something is in doubt                   waiting
                  `PartitionRefused`                                    refused
                  `MayPass`, the first few times                        waiting
    ready         `LogError`, `ViewError`, `InDoubt`                    waiting: producer and memory are thrown away
                  we are asked to leave                                 left, once the batch at hand is in the view
                  `Blocked`: a record that cannot be read or written    refused
                  a customer's state that cannot be read                refused
    waiting       its pause is over (it doubles up to a bound)          taking over
    refused       ten seconds; somebody may have stepped in             taking over
    left          the group gives it to us again                        taking over

From every state, being asked to leave leads to `left`, and being cancelled does, at any await.

The safeties
------------
Each is needed: without it the checker of the simulation finds a wrong run. The names are those of
`tests/simulation/checking/controls.py`, and a test holds both lists equal.

Of one partition:
- `kafka_fence`: a transactional id for each partition, so that a new owner's producer shuts its predecessor out and settles
  what it left open. Prevents: a worker that was only paused commits a batch that its successor has processed as well.
- `settled`: after the fence every partition that we write to has no open transaction. Prevents: our next commit shows half
  a batch whose end Kafka lost.
- `chain`: an apply names the mark it follows and the mark it makes. Prevents: a late apply puts an old state over a new one.
- `load_mark`: states come with the view's mark of that moment, and count only if it is the last applied or the one in flight.
  Prevents: states that Redis forgot to keep are judged, and published.
- `retake`: after any doubt all that is in memory is thrown away, and the log says what happened. Prevents: going on from a
  guess.
- `stream_time`: timers strike by the time of the touchpoints read, not by the wall clock. Prevents: an absence is announced
  while the touchpoint that disproves it waits to be read.
- `outcomes`: what became of a campaign's goal is part of the transaction of its batch. Prevents: it is lost, or comes twice.
- `dead_letters`: a dead letter is part of the transaction of its batch. Prevents: it is lost, or comes twice.
- `ledger_within`: what a batch counts is part of its transaction, as whole pages of the ledger (`ledger_keeper`), and a tenure begins with the
  pages that the view shows at the last mark. Prevents: a change is counted twice, or not at all, after a crash or a rebuild.

Of a worker, whose partitions the group gives and takes (`partition_tasks`):
- `stops`: the task of a partition that was taken away is stopped. Prevents: two tasks at work on one partition.
- `awaits`: its end is awaited before the partition is given up. Prevents: its last batch and its successor's first meet.
- `cancels`: a task that takes too long is cancelled. Prevents: one stuck call holds up the whole group.
- `closes`: a worker that is leaving begins nothing that it is still given. Prevents: a task that nobody will stop.
- `releases`: a partition is said to be released, even when its task was cancelled. Prevents: two workers report its customers.
- `looks_again`: a partition that was refused is looked at again. Prevents: it stands still after the cause is gone.

Of a partition one of whose topics somebody deletes and makes anew (`belonging`):
- `marked_topics`: marks hold the ids of the topics, and a takeover compares them with those that are there. Prevents: an offset
  of the old topic is taken for one of the new.
- `watched_topics`: the log compares them, too, as long as the partition is processed. Prevents: a worker goes on in the middle
  of the new one.

Of the log that reads what strangers have sent (`stream/kafka`):
- `unpacks_within`: no batch is unpacked as a whole to more than a bound. Prevents: a mebibyte that compression made small takes
  a gibibyte of memory.
- `keeps_beginnings`: of what is too large in one record, no more is kept than a dead letter tells. Prevents: the same, by a single
  record that is read piece by piece.

Of the producer that commits, whatever happens to single requests on their way (`stream/kafka`):
- `ends_once`: a request to end a transaction that got no answer is never sent again under the same epoch. Prevents: the first
  one arrives late and commits half of the next transaction.
- `drops_what_waits`: once a transaction has failed, what waits to be sent is dropped. Prevents: it is sent all the same, and
  becomes part of the transaction before.
- `shared_id`: the transactional id belongs to the partition, not to the process. Prevents: a predecessor in another process
  is not shut out.
- `letters_within`: dead letters go through the producer of their batch, within its transaction. Prevents: they outlive a batch
  that was aborted.
- `known_offset`: a transaction is committed only if the offset of its mark is known. Prevents: Redis follows a mark that is
  not there.
"""
