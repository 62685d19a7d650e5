"""How one partition is processed exactly once, whatever crashes along the way. This is the theory of operation; the code follows it.

Nothing here knows a server, a setting or the time of day: Kafka, Redis and the clock are behind `ports`, and the simulation
runs this same code on its own implementations of them. docs/decisions gives the reasons in full.

The log is the truth; the view follows it
-----------------------------------------
One task owns one partition of `touchpoints`. Everything it writes goes to the same partition of the output topics. A batch
takes effect in one Kafka transaction; Redis is updated afterwards. Losing Redis costs a rebuild, never a wrong or
repeated stage change.

The steps of a batch (`tenures.tenure`)
-------------------------------
1. fetch     the records that are there, up to a limit; never waits for a batch to fill
2. decode    records into touchpoints; a record that cannot be used becomes a dead letter of this batch
3. load      states that are not in memory, timers that are due, and the view's mark, all read at one moment
4. judge     in offset order; pure, and with the same result however the stream is cut into batches
5. encode    stage changes, triggers, outcomes of goals, dead letters, states, pages of the ledger
6. settle    wait until the view shows the previous batch
7. commit    one transaction: all of the above, the mark as the last record of `customer-state`, the group's offset
8. apply     to the view, in one step that names the mark it follows; meanwhile the next batch goes through 1 to 5

With a source, one record may hold several touchpoints, or none (`intake`). A batch may end in the middle of a record; its mark
then covers everything up to the record before, and says how much of this one is done.

The mark says how far a batch got: the last touchpoint, the stream time, the version of the journey, and the ids of the topics
(`belonging`). A topic that is deleted and created again has a new id, and its offsets mean something else. Batches, the view and
takeovers refer to each other by the mark's offset in `customer-state`.

Taking over (`takeover`)
------------------------
Fence, read the view's mark, read the last mark in the log, refuse what is not ours, bring the view up to the log in chunks,
and seek to the touchpoint after the mark. After the fence no predecessor can commit; what it had committed is read here.

The states of a partition (`tenures.task`)
----------------------------------
    state         ends with                                             goes to
    ------------  ----------------------------------------------------  ------------------------------------------
    taking over   the view shows the last mark                          ready
                  a port fails; something is in doubt                   waiting
                  `PartitionRefused`                                    refused
                  `MayPass`, the first few times                        waiting
    ready         `LogError`, `ViewError`, `InDoubt`                    waiting: producer and memory are thrown away
                  we are asked to leave                                 left, once the view shows the current batch
                  `Blocked`: a record that cannot be read or written    refused
                  a customer's state that cannot be read                refused
    waiting       its pause is over (it doubles up to a limit)          taking over
    refused       ten seconds; the cause may have been fixed            taking over
    left          the group assigns it to us again                      taking over

From every state, being asked to leave leads to `left`, and so does being cancelled at any await.

The safeguards
--------------
Each one is needed: without it the simulation's checker finds a run that goes wrong. The names are those in
`tests/simulation/checking/controls.py`; a test checks that both lists are the same.

For one partition:
- `kafka_fence`: each partition has its own transactional id, so a new owner's producer shuts out its predecessor and settles
  what it left open. Prevents: a worker that was only paused commits a batch that its successor has also processed.
- `settled`: after the fence, no partition that we write to has an open transaction. Prevents: our next commit exposes half
  of a batch whose end Kafka lost.
- `chain`: an apply names the mark it follows and the mark it sets. Prevents: a late apply overwrites a newer state with an old one.
- `load_mark`: states come with the view's mark at that moment, and count only if it is the last one applied or the one in flight.
  Prevents: states that Redis failed to keep are judged, and published.
- `retake`: after any doubt, everything in memory is thrown away, and the log says what happened. Prevents: going on from a
  guess.
- `stream_time`: timers fire by the time of the touchpoints read, not by the wall clock. Prevents: an absence is announced
  while the touchpoint that disproves it is waiting to be read.
- `outcomes`: the outcome of a campaign's goal is part of its batch's transaction. Prevents: it is lost, or published twice.
- `dead_letters`: a dead letter is part of its batch's transaction. Prevents: it is lost, or published twice.
- `ledger_within`: what a batch counts is part of its transaction, as whole pages of the ledger (`ledger_keeper`). Prevents: after a crash
  or a rebuild, a change is counted twice, or not at all.
- `ledger_anew`: a tenure starts from the pages that the view shows at the last mark. Prevents: after a takeover, a batch that was not
  committed is counted twice.
- `way_kept`: a state holds whether its customer is on the ideal way. Prevents: after a takeover, nobody is led off it who leaves it.
- `visits_kept`: a state holds in which stages its customer has been. Prevents: after a takeover, somebody is counted again as new to a stage.

For customers who are forgotten (`journey.engine.deny_list`):
- `deny_list`: a keyed digest of a forgotten customer's id stays, committed with the tombstone, and touchpoints of that id change nothing
  until it may come again. Prevents: a late or repeated touchpoint brings the customer back.

For a worker, to which the group assigns partitions (`tenures.partition_tasks`):
- `stops`: the task of a revoked partition is stopped. Prevents: two tasks work on one partition.
- `awaits`: the worker waits for the task to end before it gives the partition up. Prevents: its last batch collides with its
  successor's first.
- `cancels`: a task that takes too long is cancelled. Prevents: one stuck call holds up the whole group.
- `closes`: a worker that is leaving starts nothing, even if it is still assigned partitions. Prevents: a task that nothing will stop.
- `releases`: a partition is reported as released even when its task was cancelled. Prevents: two workers report its customers.
- `looks_again`: a refused partition is checked again. Prevents: it stays stopped after the cause is gone.

For a partition one of whose topics is deleted and created again (`belonging`):
- `marked_topics`: marks hold the ids of the topics, and a takeover compares them with the current ids. Prevents: an offset
  in the old topic is used in the new one.
- `watched_topics`: the log keeps comparing them while the partition is processed. Prevents: a worker carries on in the middle
  of the new topic.

For a partition whose customers may move to another one (`residence`, `tenures.moving_tenure`, `tenures.leaving_tenure`; docs/moving-customers.md). This takes part only
where there is a topic `transfers`:
- `forwards`: a touchpoint of a customer who has left, or is at home elsewhere, is forwarded. Prevents: a customer begins anew at a second place.
- `waits`: a touchpoint of a customer who may be on the way waits. Prevents: the same.
- `waits_in_order`: while it waits, no later one of the partition is judged. Prevents: touchpoints overtake each other.
- `sends_within`: what is sent to other partitions is in the batch's transaction, not before it. Prevents: a customer is at two places.
- `sends_with_it`: nor after it. Prevents: a customer is at no place.
- `numbers`: what was taken in from a partition is not taken in again. Prevents: something that is sent twice happens twice.
- `marks_both`: the mark holds the progress of both inputs. Prevents: the same, after every takeover.
- `adopts_first`: producers go over to a new layout only when all partitions follow it. Prevents: a partition takes a customer of another for a new one.
- `ends_last`: a partition says that it has finished only when everybody has left who has to. Prevents: the same.

For customers whom links join, wherever they live (`tenures.linking_tenure`, `tenures.ways_tenure`, `tenures.people_tenure`, `journey.identity.people`; the same page):
- `unites`: of two customers who meet, neither takes the other's place. Prevents: touchpoints of one of them are forgotten.
- `kept_ids`: touchpoints of all ids of a person are judged under the one that is kept. Prevents: a person goes on as two.
- `linked_within`: who has which ids is stored in the transaction that unites them. Prevents: after a takeover, an id begins anew.
- `counts_gone`: the ledger counts that of two customers one is gone. Prevents: a person with two ids is counted twice.
- `goes_round`: what comes for somebody who has come back goes the same way round as before. Prevents: touchpoints overtake each other.
- `asks_again`: a way round ends only when nothing was sent behind the probe. Prevents: the same.
- `stays`: nobody leaves or passes through while something of theirs is on its way round. Prevents: the same.
- `forgets_all_ids`: who is forgotten by one id is forgotten by all. Prevents: an id leads to nobody, and names who was forgotten.
- `forgets_everywhere`: every other partition is told. Prevents: addresses of somebody forgotten stay there.
- `tells_ways`: when the number of partitions changes, the old home of an id tells the new one if its person stays. Prevents: an id begins anew there.
- `tells_layout`: what is sent says which layout its sender follows. Prevents: two partitions each take the other one for a home.

For the log, which reads whatever strangers have sent (`stream/kafka`):
- `unpacks_within`: no batch is decompressed beyond a limit in one go. Prevents: one compressed mebibyte
  takes a gibibyte of memory.
- `keeps_beginnings`: of a record that is too large, only as much is kept as a dead letter reports. Prevents: the same, by a single
  record that is read piece by piece.

For the producer that commits, whatever happens to single requests (`stream/kafka`):
- `ends_once`: a request to end a transaction that got no answer is never sent again under the same epoch. Prevents: the first
  request arrives late and commits half of the next transaction.
- `drops_what_waits`: once a transaction has failed, records waiting to be sent are dropped. Prevents: they are sent after all, and
  end up in the wrong transaction.
- `shared_id`: the transactional id belongs to the partition, not to the process. Prevents: a predecessor in another process
  is not shut out.
- `letters_within`: dead letters go through their batch's producer, within its transaction. Prevents: they outlive a batch
  that was aborted.
- `known_offset`: a transaction is committed only if the offset of its mark is known. Prevents: Redis follows a mark that does
  not exist.
"""
