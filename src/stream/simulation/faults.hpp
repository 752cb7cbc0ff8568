// What goes wrong in a run. The first kind of fault is the world's and must be survived; the second
// is planted in the parts around the engine, and the simulation must find it: a test of the test.
#pragma once

namespace indaba::stream::simulation {

struct Weather {
  unsigned store_errors = 0;  // per cent of reads and of groups
  unsigned lost = 0;  // per cent of notifications between the log and the loops, as a bus between
                      // nodes may lose them …
  unsigned repeated = 0;  // … or say them twice
  int bus_delay = 0;      // … or later, and in another order: up to so many ms
  int store_delay = 4;    // up to so many ms each way
};

enum class Plant : unsigned char {
  none,
  ack_before_commit,   // the publisher hears "stored" before it is
  tell_before_commit,  // readers get an event that a crash may still undo
  forgotten_dedupe,    // a repeated key is a new event
  oldest_off_by_one,   // the store says that one more event is gone than is
  lossy_outbox,        // a full outbox takes an event and forgets it
  renumbering_bus,     // what was lost on the way is hidden by new numbers
  resume_one_late,     // a client asks for what comes after the one that it misses
  resume_one_early,    // … or for one that it has
  no_repair,           // nobody compares heads after notifications were lost
};

}  // namespace indaba::stream::simulation
