// What goes wrong in a run. The first kind of fault is the world's and must be survived; the second
// is planted in the parts around the engine, and the simulation must find it: a test of the test.
#pragma once

namespace indaba::stream::simulation {

struct Weather {
  unsigned store_errors = 0;  // per cent of reads and of groups
  unsigned lost_answers = 0;  // per cent of commits whose outcome the writer has to find out
  bool no_reads = false;      // the database is not there for reading …
  bool no_writes = false;     // … or for writing
  unsigned lost = 0;  // per cent of notifications between the log and the loops, as a bus between
                      // nodes may lose them …
  unsigned repeated = 0;  // … or say them twice
  int bus_delay = 0;      // … or later, and in another order: up to so many ms
  int store_delay = 4;    // up to so many ms each way
};

enum class Plant : unsigned char {
  none,
  ack_before_commit,    // the publisher hears "stored" before it is
  ack_of_rolled_back,   // … or though it is not
  tell_before_commit,   // readers get an event that a crash may still undo
  unknown_as_rejected,  // a commit whose answer was lost is called rejected
  forgotten_dedupe,     // a repeated key is a new event
  dedupe_per_node,      // … where another node is asked
  oldest_off_by_one,    // the store says that one more event is gone than is
  epoch_ignored,        // the store goes on calling a restored log by its first epoch
  lossy_outbox,         // a full outbox takes an event and forgets it
  renumbering_bus,      // what was lost on the way is hidden by new numbers: no gap is seen
  resume_one_late,      // a client asks for what comes after the one that it misses
  resume_one_early,     // … or for one that it has
  no_repair,            // nobody compares heads after notifications were lost
  skipped_while_shut,   // heads seen while the gate was shut count as told
  open_gate,            // the gate of a node that knows nothing of ended access stays open
  access_not_told,      // what other nodes say of ended access reaches nobody's readers
  access_believed,      // a right to read that was looked up once is believed for ever
  own_words_as_others,  // what a node says comes back to it under another name
  rewrites_not_told,    // a deleted event stays in the memory of other loops and nodes
};

}  // namespace indaba::stream::simulation
